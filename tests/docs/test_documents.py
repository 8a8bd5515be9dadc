"""Documents name things that exist, and the map of the code is whole."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAP = ROOT / "ARCHITECTURE.md"
QUOTED = ROOT / "docs" / "problems.md"
"""This page quotes what the bot says of examples; `make` is a word there like any other."""

ROOMS = ("bot", "bot/adapters", "bot/ci", "bot/domain", "bot/web", "parser", "sandbox")

MAX_README_LINES = 60
"""The README is one screen, on a large terminal."""


def names(documents: list[Path]) -> list[str]:
    return [str(document.relative_to(ROOT)) for document in documents]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_links_lead_to_files_that_exist(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one != QUOTED], ids=str)
def test_make_targets_in_documents_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    # Commands stand in code: indented, or between backticks.
    text = document.read_text("utf-8")
    code = re.findall(r"`([^`]*)`", text) + re.findall(r"^ {4,}(.*)$", text, re.MULTILINE)
    named = {target for line in code for target in re.findall(r"\bmake ([a-z]+)", line)}
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_commands_of_the_bot_in_documents_exist(document: Path) -> None:
    from bot.__main__ import main

    named = set(re.findall(r"`mlreef-bot ([a-z-]+)", document.read_text("utf-8")))
    for command in sorted(named - {"ci"}):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0, command


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MAX_README_LINES


def test_what_is_run_on_a_folder_of_ones_own_may_write_there() -> None:
    """An image has a user of its own, who may not write into anybody's folder."""
    texts = [one.read_text("utf-8").replace("\\\n", "") for one in DOCUMENTS if one != QUOTED]
    texts += [
        one.read_text("utf-8").replace("\\\n", "") for one in ROOT.glob("repository_templates/*/README.md")
    ]
    on_folders = re.findall(r"^ +(docker run .*-v .*)$", "\n".join(texts), re.MULTILINE)
    assert len(on_folders) > 3
    assert [line for line in on_folders if '--user "$(id -u):$(id -g)"' not in line] == []


def test_every_page_is_in_the_index() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "README.md").read_text("utf-8")))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} == listed


def test_every_path_on_the_map_exists() -> None:
    # The status mlreef/publish is a name in GitLab, no file of ours.
    paths = re.findall(r"`((?!mlreef/)(?:[\w.-]+/)+[\w.-]*)`", MAP.read_text("utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_test_that_keeps_a_promise_exists() -> None:
    named = re.findall(r"`(tests/[\w./-]+)`", (ROOT / "docs" / "reliability.md").read_text("utf-8"))
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_links_within_documents_lead_to_headings_that_exist() -> None:
    def headings(document: Path) -> set[str]:
        found = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}

    lost = [
        f"{document.name}: {target}#{anchor}"
        for document in DOCUMENTS
        for target, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", document.read_text("utf-8"))
        if anchor not in headings(document.parent / target if target else document)
    ]
    assert lost == []


def test_every_module_is_on_the_map() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *ROOMS],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    text = MAP.read_text("utf-8")
    files = [Path(line) for line in listed.stdout.splitlines() if not line.endswith("__init__.py")]
    # A module is there by its own path; one of a room's inner packages also with its folder.
    lost = [
        str(file)
        for file in files
        if f"`{file}`" not in text
        and not any(f"`{folder}/`" in text for folder in file.parents if str(folder) not in ROOMS)
    ]
    assert lost == []


def test_make_help_lists_what_the_contract_names() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert all(
        f"make {name} " in said for name in ("help", "setup", "demo", "test", "lint", "check", "bench")
    )


def test_every_module_and_room_of_the_bot_has_its_layer_of_imports() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg", "utf-8")
    layered = set(re.findall(r"\bbot\.(\w+)", contracts["importlinter:contract:layers"]["layers"]))
    there = {file.stem for file in (ROOT / "bot").glob("*.py")} | {
        room.parent.name for room in (ROOT / "bot").glob("*/__init__.py")
    }
    assert layered == there - {"__init__"}
