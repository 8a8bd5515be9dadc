"""`mlreef-bot pipeline`: the file of a data pipeline, checked, and rendered for GitLab."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from bot.adapters.catalogue_api import CatalogueApi
from bot.adapters.store import Store
from bot.config_file import CATALOGUE_ADDRESS
from bot.domain.data_pipeline import MAX_BYTES, DataPipeline, Fault, read_data_pipeline
from bot.domain.data_pipeline_check import Found, Modules, check_pipeline
from bot.domain.data_pipeline_text import render_pipeline
from bot.domain.module_label import read_module
from bot.domain.retention import versions_meant
from bot.domain.text import printable
from bot.domain.versions import Version
from bot.errors import OperatorError
from parser.model import Place

ADDRESS, TOKENS = CATALOGUE_ADDRESS, ("MLREEF_TOKEN", "GITLAB_TOKEN")
"""Variables of the environment: where the catalogue is, and who asks."""

LookUp = Callable[[Collection[tuple[str, str]]], Modules]
"""Projects and versions → what the catalogue has of them."""


def pipeline(
    options: argparse.Namespace,
    environ: Mapping[str, str],
    give: Callable[[str], None],
    say: Callable[[str], None],
    on_server: Callable[[Path], LookUp],
) -> bool:
    """Check or render a file; whether it is good. Raises OperatorError when the catalogue cannot be asked."""
    tell = give if options.action == "check" else say
    found, faults = read_data_pipeline(_content(options.file), options.file.as_posix())
    if found is not None:
        faults = (*faults, *_missing_data(options.file, found))
        asked = {(step.path, step.ref): None for step in found.steps if step.path}
        modules = _look_up(options, environ, on_server)(asked.keys())
        faults = (*faults, *check_pipeline(found, modules))
    if found is None or faults:
        for line in _lines(faults):
            tell(line)
        return False
    if options.action == "check":
        say(f"{options.file} is good: {_words(found, modules)}.")
        return True
    text = render_pipeline(found, modules, options.file.name)
    if options.output is None:
        give(text)
    else:
        try:
            options.output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OperatorError(
                f"{options.output} cannot be written: {error.strerror}", "give another file by --output"
            ) from None
        say(f"{options.output} is written: {_words(found, modules)}.")
    return True


def find_module(store: Store, path: str, ref: str) -> Found | None:
    """A published module in the version that `ref` leads to, as the bot's own store has it."""
    listed = store.listed_by_path(path)
    if listed is None:
        return None
    there = {
        version: each
        for each in store.listed_versions(listed.project_id)
        if each.state.available and (version := Version.read(each.version)) is not None
    }
    for meant in versions_meant([ref], there):
        kept = store.described(there[meant].digest)
        module = read_module(kept.module) if kept is not None else None
        return None if module is None else Found(listed.path, str(meant), module)
    return None


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise OperatorError(
            f"{file} cannot be read: {error.strerror}",
            "give the file of a data pipeline, mlreef-pipeline.yml",
        ) from None


def _missing_data(file: Path, found: DataPipeline) -> Iterable[Fault]:
    """The data must be in the repository: the nearest folder above the file that git knows, else the file's own."""
    here = file.absolute().parent
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    if found.data and not (root / found.data).exists():
        place = found.places.get("data", Place(file.as_posix()))
        yield Fault(
            place,
            f"there is no {found.data!r} in this repository",
            "Write the path of a folder or file from the repository's root, and commit it.",
        )


def _look_up(
    options: argparse.Namespace, environ: Mapping[str, str], on_server: Callable[[Path], LookUp]
) -> LookUp:
    address = options.catalogue or environ.get(ADDRESS, "")
    if options.config and not options.catalogue:
        return on_server(options.config)
    if not address:
        raise OperatorError(
            "no catalogue is named",
            f"give --catalogue URL, or set {ADDRESS}; on the bot's own machine --config FILE",
        )
    token = next((environ[name] for name in TOKENS if environ.get(name)), "")

    def ask(wanted: Collection[tuple[str, str]]) -> Modules:
        with CatalogueApi(address, token) as api:
            return {(path, ref): api.fetch_module(path, ref) for path, ref in wanted}

    return ask


def _lines(faults: Iterable[Fault]) -> Iterable[str]:
    for fault in faults:
        place = fault.place
        yield f"{printable(place.file)}:{place.line}:{place.column + 1}: {printable(fault.message)}"
        yield f"    → {printable(fault.hint)}"


def _words(found: DataPipeline, modules: Modules) -> str:
    steps = []
    for step in found.steps:
        module = modules.get((step.path, step.ref))
        steps.append(
            f"{step.name} ({step.path} {module.version})" if isinstance(module, Found) else step.name
        )
    return " → ".join(steps)
