"""`mlreef-bot token PROJECT_ID`: the secret token for one project's webhooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.__main__ import main
from bot.domain.proof import derive_token

MASTERS = ("the-newest-master-of-them-all-0001", "the-oldest-master-of-them-all-0002")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, content in {"token": "no-token-needed", "masters": "\n".join(MASTERS)}.items():
        (tmp_path / name).write_text(content)
    file = tmp_path / "config.yaml"
    file.write_text(
        f"gitlab: {{url: http://127.0.0.1:9, token_file: {tmp_path}/token}}\n"
        f"webhook: {{master_secret_file: {tmp_path}/masters}}\n"
        "builder: {image: bot.example.com/bot:1}\n"
    )
    return file


def test_it_prints_what_the_first_master_derives(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "42", "--config", str(config)]) == 0
    assert capsys.readouterr().out == derive_token(MASTERS[0], 42) + "\n"


def test_without_a_master_it_says_how_to_make_one(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config.read_text().replace("master_secret_file", "secrets_file")
    config.write_text(file)
    assert main(["token", "42", "--config", str(config)]) == 2
    assert "openssl rand -hex 32" in capsys.readouterr().err


@pytest.mark.parametrize("strange", ["0", "-1", "vision/add-noise", "٤٢", "9" * 30])
def test_what_is_no_project_number_is_refused(strange: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "--", strange])
    assert ended.value.code == 2
    assert "give the number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "content", "told"),
    [
        ("master_secret_file", "short-but-long-enough", "at least 32 characters"),
        ("signing_tokens_file", "whsec_not base64 at all", "followed by base64"),
    ],
)
def test_secrets_that_cannot_be_used_are_told_before_the_door_opens(
    config: Path, capsys: pytest.CaptureFixture[str], setting: str, content: str, told: str
) -> None:
    (config.parent / "masters").write_text(content)
    config.write_text(config.read_text().replace("master_secret_file", setting))
    assert main(["check-config", str(config)]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert content not in said
