"""The configuration: what it takes, from where, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from bot.config import Config
from bot.config_advice import advise
from bot.config_file import SECRETS, ConfigError, load_config
from bot.local.pipelines import ADDRESS

ROOT = Path(__file__).parents[2]
TOKEN, SECRET = "glpat-canary-token", "canary-secret"
ENVIRON = {
    "MLREEF_GITLAB__URL": "https://gitlab.example.com/",
    "MLREEF_GITLAB__TOKEN": TOKEN,
    "MLREEF_WEBHOOK__SECRETS": SECRET,
    "MLREEF_BUILDER__IMAGE": "registry.example.com/mlreef-bot:1",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(values: Any) -> Path:
    file = Path("settings.yaml")
    file.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return file


def faults(values: Any = None, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Faults by place, each with its words and hint in one."""
    with pytest.raises(ConfigError) as refusal:
        load_config(write(values) if values is not None else None, environ or {})
    assert TOKEN not in str(refusal.value)
    assert SECRET not in str(refusal.value)
    return {fault.where: f"{fault.what} {fault.hint}" for fault in refusal.value.faults}


def test_the_environment_alone_is_enough() -> None:
    config = load_config(environ=ENVIRON)
    assert config.gitlab.url == "https://gitlab.example.com"
    assert config.gitlab.token.get_secret_value() == TOKEN
    assert config.environment_by_default == "python-3.12"


def test_the_example_is_loaded_and_shows_every_setting(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "config.example.yaml").read_text())
    for part, name in (("gitlab", "token_file"), ("webhook", "secrets_file")):
        file = tmp_path / name
        file.write_text("a-long-enough-secret\n")
        values[part][name] = str(file)
    config = load_config(write(values), {})
    text = (ROOT / "config.example.yaml").read_text()
    for name, field in Config.model_fields.items():
        assert f"{name}:" in text
        for inner in getattr(field.annotation, "model_fields", {}):
            shown = SECRETS.get((name, inner), inner)
            assert f"{shown}:" in text, f"{name}.{shown}"
    # what the example calls defaults are the defaults
    bare = load_config(None, ENVIRON)
    for part in ("webhook", "pipeline", "worker", "reading", "log", "database", "publish", "environments"):
        left = getattr(config, part)
        if part == "webhook":
            left = left.model_copy(update={"secrets": bare.webhook.secrets})
        assert left == getattr(bare, part)


def test_the_environment_wins_over_the_file() -> None:
    file = write({"gitlab": {"url": "https://other.example.com"}, "worker": {"concurrency": 2}})
    config = load_config(file, {**ENVIRON, "MLREEF_WORKER__CONCURRENCY": "3"})
    assert (config.gitlab.url, config.worker.concurrency) == ("https://gitlab.example.com", 3)


def test_config_yaml_in_the_working_directory_is_read_unless_another_file_is_named() -> None:
    Path("config.yaml").write_text("worker: {concurrency: 5}")
    assert load_config(None, ENVIRON).worker.concurrency == 5
    assert load_config(write({"worker": {"concurrency": 6}}), ENVIRON).worker.concurrency == 6


def test_secrets_come_from_files_one_a_line_where_several_are_allowed() -> None:
    Path("token").write_text(f"{TOKEN}\n")
    Path("secrets").write_text(f"\n{SECRET}\nanother-secret\n\n")
    config = load_config(
        write(
            {
                "gitlab": {"url": "https://gitlab.example.com", "token_file": "token"},
                "webhook": {"secrets_file": "secrets"},
                "builder": {"image": "bot:1"},
            }
        ),
        {},
    )
    assert config.secrets() == (TOKEN, SECRET, "another-secret")


def test_several_secrets_in_one_variable_stand_between_commas() -> None:
    config = load_config(None, {**ENVIRON, "MLREEF_WEBHOOK__SECRETS": "first-secret, 12345678"})
    assert [secret.get_secret_value() for secret in config.webhook.secrets] == ["first-secret", "12345678"]


@pytest.mark.parametrize(("part", "name"), SECRETS)
def test_a_secret_in_the_file_is_refused_with_a_hint_and_never_repeated(part: str, name: str) -> None:
    told = faults({part: {name: SECRET}}, ENVIRON)
    assert SECRETS[(part, name)] in told[f"{part}.{name}"]


def test_a_database_password_in_the_file_is_refused() -> None:
    told = faults({"database": {"url": f"postgresql://bot:{SECRET}@host/bot"}}, ENVIRON)
    assert "MLREEF_DATABASE__URL" in told["database.url"]


def test_a_database_password_from_the_environment_is_known_to_the_redaction() -> None:
    config = load_config(None, {**ENVIRON, "MLREEF_DATABASE__URL": f"postgresql://bot:{SECRET}db@host/bot"})
    assert f"{SECRET}db" in config.secrets()


def test_all_faults_are_told_at_once_with_place_and_mend() -> None:
    told = faults(
        {
            "gitlab": {"url": "gitlab", "tokne_file": "x"},
            "webhook": {"listen": "8080", "tolerance_seconds": -1},
            "worker": {"concurrency": "many"},
            "environments": [{"name": "a b", "image": "--x y", "python": "2.7"}],
            "colour": "blue",
            "log": {"format": "xml"},
        }
    )
    assert set(told) >= {
        "builder.image",
        "colour",
        "environments.0.image",
        "environments.0.name",
        "environments.0.python",
        "gitlab.token",
        "gitlab.tokne_file",
        "gitlab.url",
        "log.format",
        "webhook.listen",
        "webhook.tolerance_seconds",
        "worker.concurrency",
    }
    assert "MLREEF_GITLAB__TOKEN" in told["gitlab.token"]
    assert "MLREEF_BUILDER__IMAGE" in told["builder.image"]


def test_nothing_given_at_all_is_told_as_what_is_missing() -> None:
    told = faults()
    assert {"gitlab.url", "gitlab.token", "builder.image"} <= set(told)
    assert any("no lock" in words for words in told.values())


def test_the_address_that_data_pipelines_ask_is_no_setting() -> None:
    asked = {**ENVIRON, ADDRESS: "https://modules.example.com"}
    assert load_config(environ=asked) == load_config(environ=ENVIRON)


def test_a_misspelt_variable_is_told_and_other_programs_variables_are_not_ours() -> None:
    environ = {**ENVIRON, "MLREEF_GITLAB__TOKNE": "x", "MLREEF_VERDICT": "stop", "MLREEF_CANDIDATE": "i"}
    assert set(faults(environ=environ)) == {"gitlab.tokne"}


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ("a: [", "settings.yaml:1"),
        ("- a\n- b", "settings.yaml"),
        ("\x00", "settings.yaml:1"),
        ("!!python/object:os.system {}", "settings.yaml:1"),
    ],
)
def test_a_file_that_is_no_settings_is_told(values: str, where: str) -> None:
    assert any(place.startswith("settings.yaml") for place in faults(values, ENVIRON)), where


def test_a_missing_file_or_secret_file_is_told() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(Path("nowhere.yaml"), ENVIRON)
    told = faults({"gitlab": {"url": "https://gitlab.example.com", "token_file": "nowhere"}})
    assert "nowhere" in told["gitlab.token_file"]
    assert "gitlab.token" not in told


def test_a_short_secret_is_refused() -> None:
    told = faults(environ={**ENVIRON, "MLREEF_WEBHOOK__SECRETS": "short"})
    assert "guessed" in told["webhook.secrets.0"]


def test_environments_must_be_there_once_each() -> None:
    one = {"name": "a", "image": "i:1", "python": "3.12"}
    assert any("twice" in words for words in faults({"environments": [one, one]}, ENVIRON).values())
    told = faults({"environments": [one], "default_environment": "b"}, ENVIRON)
    assert any("none of the environments" in words for words in told.values())
    assert load_config(write({"environments": [one]}), ENVIRON).environment_by_default == "a"


def test_a_loaded_configuration_cannot_be_changed_and_shows_no_secret() -> None:
    config = load_config(None, ENVIRON)
    with pytest.raises(ValidationError):
        config.log.level = "DEBUG"  # type: ignore[misc]  # that is the point
    assert TOKEN not in repr(config)
    assert SECRET not in repr(config)


def test_a_file_that_is_no_yaml_is_one_fault_and_nothing_else_is_missed() -> None:
    assert list(faults("gitlab: [\n")) == ["settings.yaml:2"]


def test_a_file_that_is_not_there_is_one_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_config(tmp_path / "nowhere.yaml", {})
    assert len(refusal.value.faults) == 1


def test_without_secrets_none_is_read_or_missed_and_everything_else_is() -> None:
    settings = {
        "gitlab": {"url": "https://gitlab.example.com", "token_file": "/nowhere"},
        "builder": {"image": "x:1"},
    }
    assert load_config(write(settings), {}, secrets=False).builder.image == "x:1"
    with pytest.raises(ConfigError) as refusal:
        load_config(write({"gitlab": {}}), {}, secrets=False)
    assert sorted(fault.where for fault in refusal.value.faults) == ["builder.image", "gitlab.url"]


def test_engines_are_a_list_in_the_order_of_preference() -> None:
    assert load_config(environ=ENVIRON).builder.engines == ("layers",)
    both = load_config(environ={**ENVIRON, "MLREEF_BUILDER__ENGINES": "docker, layers"})
    assert both.builder.engines == ("docker", "layers")


@pytest.mark.parametrize(
    ("builder", "where", "words"),
    [
        ({"engines": []}, "builder.engines", "at least one of layers, docker"),
        ({"engines": ["docker", "docker"]}, "builder.engines", "named twice"),
        ({"engines": ["podman"]}, "builder.engines.0", "'buildkit'"),
        ({"engine": "docker"}, "builder.engine", "is no setting"),
        ({"signing_key": "-----BEGIN PRIVATE KEY-----"}, "builder.signing_key", "name of a CI variable"),
        ({"advisories": "block"}, "builder", "builder.advisories_url"),
    ],
)
def test_a_wrong_builder_is_told_with_what_it_should_be(
    builder: dict[str, Any], where: str, words: str
) -> None:
    found = faults({"builder": {"image": "registry.example.com/bot:1", **builder}}, ENVIRON)
    assert words in found[where]


SIGNING_IN = {
    **ENVIRON,
    "MLREEF_CATALOGUE__ENABLED": "true",
    "MLREEF_CATALOGUE__CLIENT_ID": "abc",
    "MLREEF_CATALOGUE__CLIENT_SECRET": "a secret of GitLab's",
    "MLREEF_CATALOGUE__SESSION_SECRET": "a secret of the operator's",
    "MLREEF_CATALOGUE__URL": "https://modules.example.com/",
}


def test_signing_in_needs_everything_that_it_rests_on() -> None:
    config = load_config(None, SIGNING_IN)
    assert config.catalogue.address == "https://modules.example.com"
    assert {"a secret of GitLab's", "a secret of the operator's"} <= set(config.secrets())
    for name in ("URL", "CLIENT_SECRET", "SESSION_SECRET"):
        less = {key: value for key, value in SIGNING_IN.items() if not key.endswith(f"__{name}")}
        assert name.lower() in faults(environ=less)["catalogue"]


def test_all_that_signing_in_still_needs_is_told_at_once() -> None:
    less = {"catalogue": {"enabled": True, "client_id": "abc"}}
    words = faults(less, ENVIRON)["catalogue"]
    assert all(name in words for name in ("url", "client_secret_file", "session_secret_file"))


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("metrics", "listen"),
        ("catalogue", "url"),
        ("builder", "shared_layers"),
        ("builder", "index_url"),
        ("builder", "advisories_url"),
        ("config", "docs_url"),
    ],
)
def test_what_may_be_empty_and_is_wrong_is_one_fault_at_its_own_place(part: str, name: str) -> None:
    wrong: dict[str, Any] = {name: "no, thanks"}
    image = {"image": "registry.example.com/bot:1"} if part == "builder" else {}
    values = wrong if part == "config" else {part: wrong | image}
    assert list(faults(values, ENVIRON)) == [name if part == "config" else f"{part}.{name}"]


def test_an_address_that_nobody_can_use_is_pointed_out() -> None:
    assert "catalogue.url" not in {one.where for one in advise(load_config(None, SIGNING_IN))}
    nowhere = {**ENVIRON, "MLREEF_CATALOGUE__ENABLED": "true"}
    (said,) = [one.what for one in advise(load_config(None, nowhere)) if one.where == "catalogue.url"]
    assert "http://127.0.0.1:8081" in said
    plain = {**SIGNING_IN, "MLREEF_CATALOGUE__URL": "http://modules.example.com"}
    (said,) = [one.what for one in advise(load_config(None, plain)) if one.where == "catalogue.url"]
    assert "plain HTTP" in said
