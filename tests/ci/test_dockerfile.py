"""The Dockerfile of a module: whatever the words are, it has the same instructions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ci.dockerfile import render_dockerfile
from parser.env import env_form_fault

paths = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


def rendered(entry: str = "main.py", requirements: str | None = "requirements.txt", **env: str) -> str:
    return render_dockerfile((f"/app/{entry}",), {}, env, requirements)


def instructions(dockerfile: str) -> list[str]:
    lines = [line for line in dockerfile.splitlines() if line and not line.startswith("#")]
    return [line.partition(" ")[0] for line in lines]


@given(
    paths,
    paths,
    st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), st.text(max_size=40), max_size=2),
)
def test_no_word_of_a_repository_becomes_an_instruction(
    entry: str, requirements: str, env: dict[str, str]
) -> None:
    good = {name: value for name, value in env.items() if env_form_fault(name, value) is None}
    dockerfile = rendered(entry, requirements, **good)
    assert instructions(dockerfile) == instructions(rendered(**dict.fromkeys(good, "x")))
    point = next(line for line in dockerfile.split("\n") if line.startswith("ENTRYPOINT "))
    assert json.loads(point.removeprefix("ENTRYPOINT ")) == ["python", f"/app/{entry}"]


@given(st.text(max_size=20))
def test_a_value_that_cannot_stand_in_a_dockerfile_is_refused_in_words(value: str) -> None:
    fault = env_form_fault("A", value)
    assert (fault is not None) == any(
        (char < " " and char != "\t") or "\x7f" <= char < "\xa0" or "\ud800" <= char < "\ue000"
        for char in value
    )
    if fault:
        with pytest.raises(ValueError, match=r"A (holds|is)"):
            rendered(A=value)


def test_requirements_come_before_the_sources() -> None:
    dockerfile = rendered()
    assert dockerfile.index('"pip", "install"') < dockerfile.index("COPY --chown")
    assert '"pip", "install"' not in rendered(requirements=None)


def test_the_operators_variables_are_there_when_pip_runs_and_the_authors_are_not() -> None:
    both = render_dockerfile(("/app/main.py",), {"PIP_INDEX_URL": "https://x"}, {"MODE": "y"}, "r.txt")
    assert both.index("ENV PIP_INDEX_URL") < both.index('"pip", "install"') < both.index("ENV MODE")


BOTS_OWN = (Path(__file__).parents[2] / "Dockerfile").read_text("utf-8")
FORMS = {
    "bot": BOTS_OWN,
    "module": rendered(A="b"),
    "without requirements": rendered(requirements=None),
    "with packages": render_dockerfile(
        ("/app/main.py",), {"A": "b"}, {"C": "d"}, "r.txt", ("ffmpeg=7:5.1", "libgl1")
    ),
    "several entry points": render_dockerfile(
        ("/opt/mlreef/entry.py", "train=/app/train.py", "--"), {}, {}, "r.txt", own=True
    ),
    "packages alone": render_dockerfile(("/app/a b.py",), {}, {}, None, ("g++",)),
}


@pytest.mark.parametrize("form", FORMS)
def test_hadolint_has_nothing_to_say(form: str, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(FORMS[form])
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    # DL3008, DL3013: versions come from the base's Debian release and from setup.cfg. DL3006: bases are chosen.
    ignored = [word for rule in ("DL3008", "DL3013", "DL3006") for word in ("--ignore", rule)]
    done = subprocess.run([hadolint, *ignored, str(file)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
