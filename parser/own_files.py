"""Files of the repository that others than Python read: its own Dockerfile, its own CI stages, the generated file."""

from __future__ import annotations

from parser.model import Place, Problem, Settings
from parser.problems import problem, shown
from parser.settings import GENERATED, PATH
from parser.source import Source

USUAL_DOCKERFILE = "Dockerfile"


def find_own_files(source: Source, settings: Settings) -> tuple[str | None, tuple[Problem, ...]]:
    """The path of the repository's own Dockerfile, and which files that the settings name are not there."""
    problems = [
        problem("own-file-missing", settings.places.get(key, Place(PATH)), file=shown(file), key=key)
        for key, files in (("dockerfile", (settings.dockerfile,)), ("stages", settings.stages.files))
        for file in files
        if file is not None and not _is_file(source, file)
    ]
    usual = USUAL_DOCKERFILE if _is_file(source, USUAL_DOCKERFILE) else None
    dockerfile = settings.dockerfile or usual
    if dockerfile is not None and settings.apt and settings.engine != "layers":
        at = settings.places.get("apt", Place(PATH))
        problems.append(problem("apt-beside-dockerfile", at, file=shown(dockerfile)))
    if taken_by := _in_the_way(source):
        problems.append(problem("generated-file-taken", Place(GENERATED), what=taken_by))
    return dockerfile, tuple(problems)


def _in_the_way(source: Source) -> str | None:
    """What stands where the generated file has to be written, and is no file."""
    entry = source.entries.get(GENERATED)
    if entry is not None and entry.kind != "file":
        return "a symbolic link" if entry.kind == "symlink" else "a submodule"
    return "a folder" if any(path.startswith(f"{GENERATED}/") for path in source.entries) else None


def _is_file(source: Source, path: str) -> bool:
    entry = source.entries.get(path)
    return entry is not None and entry.kind == "file"
