"""Which script runs the module: named, annotated, or the one that reads a command line; ties are explained."""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parser.annotations import is_annotated
from parser.argparse_reader import read_command_line
from parser.control_file import RUN, control_file, may_be_control_file
from parser.frameworks import other_framework, used_framework
from parser.model import Edit, Place, Problem, Severity
from parser.problems import ascii_controls, problem
from parser.script import Refused, Script, nodes_of, read_script
from parser.settings import ROLE
from parser.source import Source

if TYPE_CHECKING:
    from parser.advice import Advice

MAX_NAMED = 5
"""Files named in one sentence."""

MAX_CANDIDATES = 50
"""Scripts that are kept for people to choose from."""

MAX_TRIED = 50
"""Files looked into to say why no entry point was found."""

MAX_FOLLOWED = 20
"""Scripts that are followed into other modules, to see whether those read the command line."""

NEAR = 0.8
"""How alike a name has to be to be offered for one that is not there, from 0 to 1."""

MAX_COMPARED = 200
"""Characters of a path that is compared with a name."""

MAX_SCRIPTS = 2_000
"""Paths that are compared with a name."""

_PLAIN = re.compile(r"[A-Za-z][\w./-]*")
_PARSES = (
    *("parse_args", "parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args"),
    *("parse_args_into_dataclasses", "parse_args_and_config"),
)
_PROCESSOR = re.compile(rb"processor\b")
_ANNOTATION = re.compile(rb"^[ \t]*@[ \t]*(?:\w+\.)*(?:data_)?processor[ \t]*\(", re.MULTILINE)
_OTHERS = re.compile(rb"\b(?:click|cloup|absl|gflags|tensorflow)\b")
_MISSPELT_GUARD = re.compile(rb"""^if\s+\(?\w+\s*==\s*["'](?!__main__["'])_*(?i:main)_*["']""", re.MULTILINE)
_USUAL = ("main", "__main__", "run", "train", "app", "cli", "predict")
"""What scripts that are run are called, the likeliest first."""

_NOT_ENTRY = re.compile(
    r"(^|/)(tests?|docs?|examples?)/|(^|/)(test_[^/]*|[^/]*_test|conftest|setup|noxfile|fabfile)\.py$"
)


@dataclass(frozen=True, slots=True)
class Found:
    """The entry point, parsed, or None and the reasons."""

    script: Script | None
    problems: tuple[Problem, ...]
    candidates: tuple[str, ...] = ()
    """Paths of all scripts that it could be, the likeliest first."""


def find_entry_point(source: Source, named: str | None, at: Place | None = None) -> Found:
    """The script that is run; `named` is the path somebody wrote down, which must then be right.

    `at` is where it is written in the repository; None when the command names it.
    """
    if named is not None:
        return _named(source, named, at)
    paths = sorted(
        path for path, entry in source.entries.items() if path.endswith(".py") and entry.kind == "file"
    )
    mentions = [path for path in paths if _PROCESSOR.search(source.contents.get(path, b""))]
    annotated, broken = _matching(source, mentions)
    annotated = [script for script in annotated if is_annotated(script)]
    running = [script for script in annotated if _runs(script)]
    if running:
        return _one_of(source, running, "has a @data_processor annotation", broken)
    if any(_annotates(source, one) for one in broken):
        # very likely the one that is meant: another is not run in its place
        return Found(None, tuple(broken))
    found = _unannotated(source, paths, broken)
    if found.script is None and annotated and not found.candidates:
        # none of them does anything when it is run, and neither does any other
        return _one_of(source, annotated, "has a @data_processor annotation", broken)
    return found


def _annotates(source: Source, unread: Problem) -> bool:
    """Whether a file that cannot be read has a `@data_processor`, and is no test or example."""
    path = unread.place.file if unread.place is not None else ""
    return not is_no_entry(path) and _ANNOTATION.search(source.contents.get(path, b"")) is not None


def _unannotated(source: Source, paths: list[str], broken: list[Problem]) -> Found:
    """The script that reads a command line, annotated or not."""
    possible = [path for path in paths if not _NOT_ENTRY.search(path)]
    scripts, more = _matching(source, [p for p in possible if _mentions_parsing(source.contents.get(p, b""))])
    broken = [*broken, *more]
    guarded = [
        script for script in scripts if reads_command_line(script) and _main_guard(script.tree) is not None
    ]
    if guarded:
        return _one_of(source, guarded, "reads a command line under a main guard", broken)
    loose = [script for script in scripts if _parses_at_top(script.tree)]
    loose += [script for script in _calling(scripts) if script not in loose and _followed(source, script)]
    if loose:
        return _loose(source, loose, broken)
    return _last_resorts(source, paths, possible, scripts, broken)


def _one_of(source: Source, scripts: list[Script], what: str, broken: list[Problem]) -> Found:
    """The one script, or the one of several that the repository itself says is run."""
    notes = [replace(one, severity=Severity.WARNING) for one in broken]
    if len(scripts) == 1:
        return Found(scripts[0], tuple(notes), (scripts[0].path,))
    advice = _advice(source)
    paths = {script.path for script in scripts}
    advised = [one for one in advice if one.file in paths]
    if len({one.file for one in advised}) == 1:
        first = advised[0]
        words = {
            "file": _short(first.file),
            "count": str(len(scripts)),
            "what": what,
            "why": _short(first.why),
        }
        notes.append(problem("entry-point-chosen", first.place, None, **words))
        chosen = next(script for script in scripts if script.path == first.file)
        return Found(chosen, tuple(notes), _candidates(scripts, [first.file]))
    said = [one.file for one in advised]
    return Found(None, (_several(scripts, advised), *broken), _candidates(scripts, said))


def _candidates(scripts: list[Script], said: list[str]) -> tuple[str, ...]:
    """Paths of the scripts, those first that something in the repository speaks for, then those of a usual name."""

    def rank(path: str) -> tuple[bool, int, int]:
        stem = posixpath.basename(path).removesuffix(".py")
        usual = _USUAL.index(stem) if stem in _USUAL else len(_USUAL)
        return path not in said, path.count("/"), usual

    return tuple(sorted((script.path for script in scripts), key=rank)[:MAX_CANDIDATES])


def _advice(source: Source) -> tuple[Advice, ...]:
    # Imported here because it loads readers of three formats, which few repositories need.
    from parser.advice import read_advice

    return read_advice(source)


def _loose(source: Source, loose: list[Script], broken: list[Problem]) -> Found:
    found = _one_of(source, loose, "reads a command line", broken)
    if found.script is None:
        return found
    note = problem("entry-point-assumed", Place(found.script.path), file=found.script.path)
    return Found(found.script, (*found.problems, note), found.candidates)


def _last_resorts(
    source: Source, paths: list[str], possible: list[str], parsing: list[Script], broken: list[Problem]
) -> Found:
    """Scripts that only call what reads the command line, and functions that only packaging calls."""
    guarded, _ = _matching(
        source, [p for p in possible if b"__main__" in source.contents.get(p, b"")][:MAX_TRIED]
    )
    guarded = [script for script in guarded if _main_guard(script.tree) is not None]
    reaching = [script for script in guarded[:MAX_FOLLOWED] if _reaches(source, script)]
    if reaching:
        return _one_of(source, reaching, "calls what reads a command line under a main guard", broken)
    functions = [
        one
        for one in _advice(source)
        if one.function is not None and any(script.path == one.file for script in parsing)
    ]
    if len({(one.file, one.function) for one in functions}) == 1:
        script = next(script for script in parsing if script.path == functions[0].file)
        return Found(script, (*broken, _unguarded(script, functions[0])))
    controls = _control_files(source, possible)
    if controls:
        return _one_of(source, controls, "is a control file of mlopen", broken)
    if broken:
        return Found(None, tuple(broken))
    unread = _unread(source, paths)
    if unread and len(unread) == len(possible):
        # Nothing is known of what the scripts do; that none is an entry point would be a guess.
        return Found(None, tuple(unread))
    # A script that reads its command line otherwise is the one that is meant; it is told with what to do.
    mend = _how_to_have_one(source, possible)
    return Found(None, (*unread, *(_foreign(guarded) or [problem("no-entry-point", mend=mend)])))


def _control_files(source: Source, possible: list[str]) -> list[Script]:
    """mlopen's control files; where some run a pipeline, those that only train are their helpers."""
    mentions = [path for path in possible if may_be_control_file(source.contents.get(path, b""))]
    scripts, _ = _matching(source, mentions[:MAX_TRIED])
    found = [one for one in map(control_file, scripts) if one is not None]
    running = [one for one in found if RUN in one.functions]
    return [one.script for one in running or found]


def _how_to_have_one(source: Source, possible: list[str]) -> str:
    """What to do where no file is run by anybody: it depends on what is there instead."""
    reads = 'read --input-path and --output-path with argparse under `if __name__ == "__main__":`'
    makes = [path for path in possible if b"ArgumentParser(" in source.contents.get(path, b"")]
    if len(makes) == 1:
        name = _short(makes[0])
        if _MISSPELT_GUARD.search(source.contents[makes[0]]):
            return f'The guard in {name} is never true: write `if __name__ == "__main__":`.'
        return (
            f"{name} makes an argument parser, and nothing reads the command line when it is run: call"
            ' `parse_args()`, or the function that does, under `if __name__ == "__main__":` at its end.'
        )
    if len(possible) == 1:
        name = _short(possible[0])
        return (
            f"Have {name} {reads}; if another script is meant, name it in .mlreef.yaml:"
            " `entry_points: {main: FILE}`."
        )
    if possible:
        return (
            f"Have the script that is to be run {reads}, or name it in .mlreef.yaml:"
            " `entry_points: {main: FILE}`."
        )
    notebooks = sorted(path for path in source.entries if path.endswith(".ipynb"))
    if notebooks:
        name = _short(notebooks[0])
        return (
            f"A notebook cannot be run as a script: `jupyter nbconvert --to script {name}` makes one of it. Have that"
            f" {reads}."
        )
    return f"Add a script, and have it {reads}."


def _reaches(source: Source, script: Script) -> bool:
    """Whether running the script reads a command line in another module of the repository."""
    imports = any(isinstance(node, ast.Import | ast.ImportFrom) for node in script.tree.body)
    return imports and _followed(source, script)


def _followed(source: Source, script: Script) -> bool:
    """Whether running the script reads a command line, wherever that is written."""
    line = read_command_line(source, script)
    return line.found and not any(one.code == "never-parsed" for one in line.problems)


def _runs(script: Script) -> bool:
    """Whether running the file does something; one that only defines functions may describe others' parameters."""
    return reads_command_line(script) or _main_guard(script.tree) is not None or bool(_calling([script]))


def _calling(scripts: list[Script]) -> list[Script]:
    """Those that call something when they are run, as `main()` without a main guard."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    calling = [
        script
        for script in scripts
        if any(
            isinstance(inner, ast.Call)
            for node in script.tree.body
            if not isinstance(node, kinds)
            for inner in ast.walk(node)
        )
    ]
    return calling[:MAX_FOLLOWED]


def _unguarded(script: Script, advice: Advice) -> Problem:
    """Packaging calls a function of the file; running the file, as the image does, calls nothing."""
    lines = script.text.split("\n")
    end = Place(script.path, len(lines), len(lines[-1]), len(lines), len(lines[-1]))
    gap = "" if not lines[-1] else "\n"
    guard = f'{gap}\n\nif __name__ == "__main__":\n    {advice.function}()\n'
    words = {
        "file": _short(script.path),
        "function": _short(advice.function or ""),
        "why": _short(advice.why),
    }
    return problem(
        "entry-point-unguarded",
        Place(script.path),
        None,
        also=[advice.place],
        edits=[Edit(end, guard)],
        **words,
    )


def _named(source: Source, named: str, at: Place | None) -> Found:
    path = _within(source, named)
    if path is None:
        return Found(None, (_missing(source, named, at),))
    if not path.endswith(".py"):
        return Found(None, (problem("entry-point-not-python", at or Place(path), file=_short(path)),))
    try:
        return Found(read_script(source, path), ())
    except Refused as refused:
        return Found(None, (refused.problem,))


def _within(source: Source, named: str) -> str | None:
    """The path that is named, if it is one of the repository."""
    path = posixpath.normpath(named.strip()) if named.strip() else ""
    outside = not path or path.startswith(("../", "/")) or path == ".."
    return path if not outside and path in source.entries else None


def _missing(source: Source, named: str, at: Place | None) -> Problem:
    """A file that is not there; one of nearly that name is offered."""
    import difflib  # slow to load, and a name is rarely wrong

    path = posixpath.normpath(named.strip())
    scripts = [one for one in source.entries if one.endswith(".py") and len(one) <= MAX_COMPARED][
        :MAX_SCRIPTS
    ]
    same = [one for one in source.entries if posixpath.basename(one) == posixpath.basename(path)]
    lower = {one.lower(): one for one in scripts}
    near = same or [
        lower[one] for one in difflib.get_close_matches(path[:MAX_COMPARED].lower(), lower, 1, NEAR)
    ]
    mend = f"Correct the name in {at.file if at else 'the command'}."
    edits: list[Edit] = []
    if near:
        mend += f" Is {_short(near[0])} meant?"
        if len(near) == 1 and at is not None and at.end_line is not None and _PLAIN.fullmatch(near[0]):
            edits = [Edit(at, near[0])]
    return problem("entry-point-missing", at, None, edits=edits, file=_short(named), mend=mend)


def _short(path: str) -> str:
    text = ascii_controls(path)
    return text if len(text) <= 120 else text[:119] + "…"


def _matching(source: Source, paths: list[str]) -> tuple[list[Script], list[Problem]]:
    scripts: list[Script] = []
    broken: list[Problem] = []
    for path in paths:
        try:
            scripts.append(read_script(source, path))
        except Refused as refused:
            broken.append(refused.problem)
    return scripts, broken


def is_no_entry(path: str) -> bool:
    """Whether a file is one that nobody means as an entry point: a test, an example, a tool of packaging."""
    return _NOT_ENTRY.search(path) is not None


def _mentions_parsing(content: bytes) -> bool:
    return any(name.encode() in content for name in _PARSES) or bool(_OTHERS.search(content))


def reads_command_line(script: Script) -> bool:
    """Whether the file reads a command line in a way whose parameters can be read."""
    if _parses(script.nodes):
        return True
    use = used_framework(script)
    return use is not None and use.framework.readable


def _parses(nodes: list[ast.AST]) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PARSES
        for node in nodes
    )


def _parses_at_top(tree: ast.Module) -> bool:
    """Whether arguments are parsed by code that runs when the file is run, functions left out."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(_parses(nodes_of(node)) for node in tree.body if not isinstance(node, kinds))


def _main_guard(tree: ast.Module) -> ast.If | None:
    """The statement `if __name__ == "__main__":`."""
    for node in tree.body:
        if (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Compare)
            and len(node.test.comparators) == 1
        ):
            sides = (node.test.left, node.test.comparators[0])
            names = [side.id for side in sides if isinstance(side, ast.Name)]
            texts = [side.value for side in sides if isinstance(side, ast.Constant)]
            if names == ["__name__"] and texts == ["__main__"]:
                return node
    return None


def _several(scripts: list[Script], advised: list[Advice]) -> Problem:
    """The tie: every candidate, and what the repository says of it."""
    said = {one.file: one.why for one in reversed(advised)}
    # Those that something speaks for come first.
    ordered = sorted(scripts, key=lambda script: script.path not in said)
    names = ", ".join(
        _short(script.path) + (f" ({_short(said[script.path])})" if script.path in said else "")
        for script in ordered[:MAX_NAMED]
    )
    names += f" and {len(scripts) - MAX_NAMED} more" if len(scripts) > MAX_NAMED else ""
    places = [_place(script) for script in ordered]
    words = {"count": str(len(scripts)), "files": names}
    words |= {"first": _short(ordered[0].path), "second": _short(ordered[1].path)}
    roles = [role_of(script.path) for script in ordered[:2]]
    good = roles[0] != roles[1] and all(map(ROLE.match, roles))
    words |= dict(zip(("one", "other"), roles if good else ("train", "infer"), strict=True))
    return problem("several-entry-points", places[0], None, also=places[1:MAX_NAMED], **words)


def role_of(path: str) -> str:
    """The role that a script has by its name; it may be none that a role may be called."""
    return posixpath.basename(path).removesuffix(".py").lower().replace("_", "-")


def _place(script: Script) -> Place:
    guard = _main_guard(script.tree)
    return script.place(guard.test) if guard is not None else Place(script.path)


def _foreign(guarded: list[Script]) -> list[Problem]:
    """Scripts under a main guard that read their command line with another framework."""
    found = [other_framework(script) for script in guarded]
    return [one for one in found if one is not None][:MAX_NAMED]


def _unread(source: Source, paths: list[str]) -> list[Problem]:
    """What is wrong with Python files that could not be read; one of them may be what is missed."""
    _, broken = _matching(source, [path for path in paths if not _NOT_ENTRY.search(path)][:MAX_TRIED])
    return broken[:MAX_NAMED]
