"""The catalogue of problems: a stable code, how much it matters, what it says and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parser.model import Edit, Place, Problem, Severity

MAX_PROBLEMS = 200
"""Problems of one report; the rest is counted in one sentence."""

MAX_SHOWN = 120
"""Characters of a piece of the author's own text inside a message."""

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True, slots=True)
class Known:
    """One kind of problem; message and hint are `str.format` templates over the same words."""

    severity: Severity
    message: str
    hint: str


CATALOGUE: dict[str, Known] = {
    # Files
    "file-unreadable": Known(_ERROR, "{file} cannot be read: {why}.", "{mend}"),
    "syntax-error": Known(
        _ERROR,
        "{file} is not valid Python: {why}.",
        "Correct the syntax; `python -m py_compile {file}` shows the same.",
    ),
    "file-too-complex": Known(
        _ERROR,
        "{file} is too complex to be read: {why}.",
        "Split long expressions into statements, and move tables into data files.",
    ),
    "file-unfollowed": Known(
        _WARNING,
        "{file} could not be followed to its end: {why}.",
        "Build the argument parser in a small function of its own, without long computations before it.",
    ),
    # Entry point
    "no-entry-point": Known(
        _ERROR,
        "No entry point was found: no file has a @data_processor annotation, and none parses arguments with argparse"
        ' under `if __name__ == "__main__":`.',
        "Annotate the script that runs the module, or name it in .mlreef.yaml: `entry_points: {{main: FILE}}`.",
    ),
    "several-entry-points": Known(
        _ERROR,
        "{count} files could be the entry point: {files}.",
        "Name the one that is meant in .mlreef.yaml: `entry_points: {{main: {first}}}`.",
    ),
    "entry-point-missing": Known(
        _ERROR, "The entry point {file} does not exist in the repository.", "{mend}"
    ),
    "entry-point-not-python": Known(
        _ERROR, "The entry point {file} is not a Python file.", "Name a file that ends in .py."
    ),
    "entry-point-assumed": Known(
        _INFO,
        "{file} was taken as the entry point: it is the only script that parses arguments, though without"
        ' `if __name__ == "__main__":`.',
        "Name it in .mlreef.yaml (`entry_points: {{main: {file}}}`) to be sure.",
    ),
    "entry-point-chosen": Known(
        _INFO,
        "{file} was taken as the entry point: {count} files could be ({what}), and {why}.",
        "Name it in .mlreef.yaml (`entry_points: {{main: {file}}}`) to be sure.",
    ),
    "entry-point-unguarded": Known(
        _ERROR,
        "Running {file} does nothing: {why}, which calls {function}(), and the file itself calls it nowhere.",
        'Add `if __name__ == "__main__": {function}()` at its end.',
    ),
    # Annotations
    "several-annotations": Known(
        _ERROR,
        "@data_processor appears {count} times; a module has one.",
        "Keep one @data_processor, or split the script into several repositories.",
    ),
    "annotation-incomplete": Known(_ERROR, "@{annotation} has no {field}.", 'Add it: `{field}="…"`.'),
    "annotation-field-unknown": Known(
        _WARNING, "@{annotation} has no field {field}; it is ignored.", "Known fields are {fields}."
    ),
    "annotation-too-many": Known(
        _ERROR,
        "@{annotation} has {count} positional values; it takes at most {most}.",
        "Positional values are, in this order: {fields}. Name them to be sure.",
    ),
    "annotation-twice": Known(
        _ERROR,
        "@{annotation} gives {field} twice.",
        "Keep one: Python refuses a call with the same argument twice.",
    ),
    "annotation-value": Known(_ERROR, "@{annotation} gives {field} as {value}; {why}.", "{mend}"),
    "annotation-not-static": Known(
        _INFO,
        "The {field} of @{annotation} is not known without running the script: `{source}` {why}.",
        "Write the value itself there, if it should be shown to people.",
    ),
    "annotation-undefined": Known(
        _ERROR,
        "{name} is neither defined nor imported in this file, so the script stops at this annotation.",
        "{mend}",
    ),
    "annotation-without-processor": Known(
        _WARNING,
        "{file} has @{annotation} annotations and no @data_processor.",
        "Add @data_processor(name=…, type=…, …) to describe the module.",
    ),
    "parameter-name": Known(
        _ERROR,
        "The parameter name {name} is not allowed.",
        "Use letters, digits, `-` and `_` only, as in `input-path`.",
    ),
    "parameter-type": Known(
        _ERROR,
        "{type} is not a type of parameter.",
        "Use one of {types}.",
    ),
    "parameter-annotated-twice": Known(
        _ERROR,
        "The parameter {name} is annotated twice; first in line {line}.",
        "Remove one of the two annotations.",
    ),
    # argparse
    "no-argparse": Known(
        _ERROR,
        "{file} has no argument parser that could be found, so the image would accept no parameters.",
        "Read the parameters with argparse: `parser = argparse.ArgumentParser()`, `parser.add_argument(…)`,"
        " `parser.parse_args()`.",
    ),
    "other-framework": Known(
        _ERROR,
        "{file} reads its command line with {framework}, not with argparse.",
        "{mend}",
    ),
    "command-not-run": Known(
        _WARNING,
        "{file} makes a command and never runs it when the file itself is run.",
        'Call `{call}` under `if __name__ == "__main__":`.',
    ),
    "flag-refused": Known(
        _ERROR,
        "{framework} refuses the flag {flag}: {why}.",
        "Correct the line; the script stops here when it is run.",
    ),
    "framework-read": Known(
        _INFO,
        "{file} reads its command line with {framework}; its parameters were read from there.",
        "Nothing has to be done. Of a script that uses argparse a little more can be told.",
    ),
    "several-commands": Known(
        _ERROR,
        "{file} has the commands {names}, and which of them runs is not seen.",
        'Call the one that is meant under `if __name__ == "__main__":`.',
    ),
    "asks-for-input": Known(
        _WARNING,
        "{name} is asked for at a terminal when it is not given, and nobody answers in a container.",
        "Make it an ordinary option with a default, or a required one, without `prompt`.",
    ),
    "never-parsed": Known(
        _WARNING,
        "The argument parser made here never reads the command line when the script runs.",
        'Call `parser.parse_args()` under `if __name__ == "__main__":`.',
    ),
    "argument-not-followed": Known(
        _WARNING,
        "This argument could not be read: {why}.",
        "Declare it with its flags as literal text; with argparse, by add_argument on a parser made by"
        " argparse.ArgumentParser.",
    ),
    "argument-not-reached": Known(
        _INFO,
        "This add_argument call is not reached when the script runs, so {flags} is not a parameter.",
        "Call the function that holds it, or remove it.",
    ),
    "argument-conditional": Known(
        _INFO,
        "{name} exists only if `{condition}`, which is not known without running the script.",
        "Add the argument always, if people should be able to rely on it.",
    ),
    "argument-refused": Known(
        _ERROR,
        "argparse refuses this argument: {why}.",
        "Correct the call; the script stops here when it is run.",
    ),
    "argument-unusable": Known(
        _ERROR,
        "The flag {flag} cannot be given on a command line: {why}.",
        "Use letters, digits, `-` and `_`.",
    ),
    "name-confusable": Known(
        _WARNING,
        "The name {name} mixes letters that look alike: {why}.",
        "Write it with letters of one alphabet; people will type what they see.",
    ),
    "value-not-static": Known(
        _INFO,
        "The {field} of {name} is not known without running the script: `{source}` {why}.",
        "Write the value itself there, if it should be shown to people.",
    ),
    "help-not-printable": Known(
        _ERROR,
        "argparse cannot print the help of {name}, so `--help` fails: {why}.",
        "Write `%%` for a percent sign.",
    ),
    "default-not-convertible": Known(
        _ERROR,
        "The default {value} of {name} is not {type}: the script stops whenever {name} is not given.",
        "Give a default of type {type}.",
    ),
    "default-not-in-choices": Known(
        _WARNING,
        "The default {value} of {name} is not one of its choices {choices}.",
        "Add it to the choices, or choose another default.",
    ),
    "default-out-of-range": Known(
        _WARNING,
        "The default {value} of {name} is outside of its range {range}.",
        "Choose a default inside of the range, or widen the range.",
    ),
    "type-bool": Known(
        _WARNING,
        "{name} has `type=bool`: argparse turns every text but the empty one into True, `False` included.",
        'Use `action="store_true"`, or `argparse.BooleanOptionalAction`.',
    ),
    "parser-escapes": Known(
        _WARNING,
        "The parser is handed to {function}, which is not in this repository and may add arguments of its own.",
        "Add the arguments in the repository, if they belong to the module.",
    ),
    "parser-fields-unknown": Known(
        _WARNING,
        "The parser takes parameters from the fields of `{source}`, which {why}; those are not known.",
        "List the fields that belong to the module in a dataclass of this repository.",
    ),
    "subcommands": Known(
        _WARNING,
        "The script has the subcommands {names}; a module is run with one set of parameters.",
        "Publish one repository for each subcommand, or make the choice an ordinary parameter.",
    ),
    "missing-parameter": Known(_ERROR, "The parameter {name} is missing.", "{mend}"),
    # Annotations against the command line
    "annotated-not-accepted": Known(
        _WARNING,
        "{name} is annotated, but the script does not accept --{name}.",
        'Add `parser.add_argument("--{name}")`, or remove the annotation.',
    ),
    "accepted-not-annotated": Known(
        _INFO,
        "{name} is accepted by the script and not annotated.",
        'Add `@parameter(name="{name}", …)` to describe it.',
    ),
    "type-differs": Known(
        _WARNING,
        "{name} is annotated as {annotated}, but the script reads {type}; {why}.",
        "Give both the same type. The script's is the one published.",
    ),
    "default-differs": Known(
        _WARNING,
        "{name} is annotated with the default {annotated}, but the script has {value}.",
        "Give both the same default. The script's is the one published.",
    ),
    "required-differs": Known(
        _WARNING,
        "{name} is annotated as {annotated}, but for the script it is {value}.",
        "Make both the same. The script's is the one published.",
    ),
    "annotated-not-a-choice": Known(
        _WARNING,
        "{name} is annotated with the default {annotated}, which the script refuses: its choices are {choices}.",
        "Annotate one of the choices.",
    ),
    "annotated-default-type": Known(
        _WARNING,
        "{name} is annotated as {annotated}, and its annotated default {value} is none.",
        "Correct the type or the default; they stand side by side.",
    ),
    "choices-differ": Known(
        _INFO,
        "The description of {name} speaks of {described}; the script accepts {accepted}.",
        "Name the same values in both, so that people do not try those that are refused.",
    ),
    "described-choices": Known(
        _INFO,
        "The description of {name} speaks of {described}, and the script accepts any value.",
        "If these are all, add `choices=[{choices}]`: then others are refused at once.",
    ),
    "described-range": Known(
        _INFO,
        "The description of {name} speaks of the range {described}, and the script accepts any number.",
        "If this range holds, check it where the value is read: then others are refused at once.",
    ),
    "default-not-as-described": Known(
        _INFO,
        "The default {value} of {name} is outside of what its description speaks of: {described}.",
        "Correct the default or the description, if people would be misled.",
    ),
    # Requirements
    "no-requirements": Known(
        _ERROR,
        "There is no {file} in the repository.",
        "{mend}",
    ),
    "requirement-invalid": Known(_ERROR, "This requirement cannot be read: {why}.", "{mend}"),
    "requirement-twice": Known(
        _WARNING, "{name} is required twice; first in {where}.", "Keep one line for each package."
    ),
    "requirement-contradiction": Known(
        _ERROR,
        "{name} is required as {one} and as {other}; no version is both.",
        "Keep the one that is meant.",
    ),
    "requirement-name": Known(_WARNING, "{name} {why}.", "{mend}"),
    "requirement-hash": Known(
        _ERROR,
        "This requirement {why}; as hashes are used in these files, pip refuses to install any of them.",
        "Give every requirement an exact version and a hash (`pip-compile --generate-hashes` does), or remove all"
        " hashes.",
    ),
    "requirement-constraint": Known(
        _ERROR,
        "pip takes no constraint that is {what}.",
        "A constraint is a name and versions, as in `numpy<3`; write this line as a requirement.",
    ),
    "requirement-cycle": Known(_ERROR, "{target} includes itself, by way of this line.", "Remove the line."),
    "requirement-ignored": Known(
        _WARNING, "pip passes over `{what}` on this line.", "Put it on a line of its own, or remove it."
    ),
    "requirement-pip-version": Known(
        _WARNING, "Not every version of pip understands this line: {why}.", "{mend}"
    ),
    "requirement-links": Known(
        _WARNING,
        "{target} is not there when the requirements are installed, so pip finds nothing in it.",
        "Give the address of a page, or require the packages by their addresses.",
    ),
    "requirement-conda": Known(
        _WARNING,
        "{name} is a package of conda, which pip cannot install.",
        "Leave it out if Python's packages bring it; else choose an environment that has it.",
    ),
    "requirements-format": Known(
        _ERROR,
        "The packages are listed in {file}; the image is installed from a requirements.txt only.",
        "{mend}",
    ),
    "import-unprovided": Known(
        _INFO,
        "{module} is imported, but no requirement provides it.",
        "Add {package} to {file}, unless the environment or another requirement brings it.",
    ),
    "import-misspelt": Known(
        _WARNING,
        "There is no module {module}; this repository has {near}, which holds what is imported here.",
        "{mend}",
    ),
    "requirement-unused": Known(
        _INFO,
        "Nothing imports {names}.",
        "Remove from {file} what is not needed; the image becomes smaller.",
    ),
    "requirement-option": Known(
        _ERROR, "pip has no option {option} in a requirements file.", "Remove it or correct it."
    ),
    "requirement-outside": Known(
        _ERROR,
        "{target} is outside of the repository.",
        "Only files of this repository can be included; copy what is needed into it.",
    ),
    "requirement-file-missing": Known(
        _ERROR,
        "{target}, included here, does not exist in the repository.",
        "Add the file or remove the line.",
    ),
    "requirement-local": Known(
        _ERROR,
        "This line installs files of the repository itself; requirements are installed before the sources are there.",
        "Remove the line: the sources are in the image anyway. Write what they need as requirements.",
    ),
    "requirement-variable": Known(
        _WARNING,
        "This line uses the environment variable {variable}, which only the environment could set when the image is"
        " built.",
        "Write the value itself; do not put passwords into this file.",
    ),
    "requirement-credentials": Known(
        _ERROR,
        "This line holds a user name or password for a package index; everyone who can see the repository can read it.",
        "Remove it and change the password.",
    ),
    "requirement-tool": Known(
        _WARNING,
        "This requirement is fetched with {tool}, which the environment must provide.",
        "Prefer a released package, or an https address of an archive.",
    ),
    # .mlreef.yaml
    "settings-invalid": Known(_ERROR, ".mlreef.yaml cannot be read: {why}.", "{mend}"),
    "settings-unknown": Known(_WARNING, ".mlreef.yaml has the unknown key {key}; it is ignored.", "{mend}"),
    "settings-value": Known(_ERROR, "{key} in .mlreef.yaml {why}.", "{mend}"),
    "env-refused": Known(
        _ERROR,
        "The environment variable `{name}` {why}.",
        "Change or remove it under `env` in .mlreef.yaml.",
    ),
    "environment-unknown": Known(
        _ERROR,
        "There is no environment `{name}` here.",
        "Choose one of {known} in .mlreef.yaml, or leave `environment` out for `{default}`.",
    ),
    # The project and its files
    "visibility-differs": Known(
        _WARNING,
        "The annotation says `{annotated}`, but this project is {value}.",
        "GitLab's setting counts: the module is as visible as its project. Change either to match.",
    ),
    "path-refused": Known(_ERROR, "This path cannot be put into an image.", "Rename it."),
    "link-leaves-repository": Known(
        _ERROR,
        "This link points out of the repository, to `{target}`.",
        "Let it point to a file of the repository, by a relative path, or remove it.",
    ),
    "lfs-missing": Known(
        _ERROR,
        "This file is kept by Git LFS, and the runner did not fetch it.",
        "Switch on Git LFS for the project and on the runner (no GIT_LFS_SKIP_SMUDGE).",
    ),
    "too-many-files": Known(
        _ERROR,
        "The repository holds more than {limit} files and folders, too many to be listed.",
        "Keep data out of git: in Git LFS as an archive, in DVC, or in a package registry.",
    ),
    "repository-too-large": Known(
        _ERROR,
        "The repository holds {files} files of {size} MiB together; a module may have {most_files} files of"
        " {most_size} MiB.",
        "Keep data out of the repository; give it to the module by a parameter.",
    ),
    "reading-given-up": Known(_ERROR, "Reading this repository was given up: {why}.", "{mend}"),
    # The module
    "module-defaults": Known(
        _INFO,
        "The module's {fields} not given; {values} taken.",
        "Add a @data_processor annotation, or write them into .mlreef.yaml.",
    ),
    "name-differs": Known(
        _WARNING,
        "The annotation's {field} is {annotated}, .mlreef.yaml's is {value}; the annotation's is taken.",
        "Keep one of them.",
    ),
    "name-refused": Known(
        _ERROR, "The module's name {name} cannot be used: {why}.", "Choose a shorter, plain name."
    ),
    "too-many-problems": Known(
        _INFO, "{count} further problems are not shown.", "Mend the first ones and look again."
    ),
}


def problem(
    code: str,
    place: Place | None = None,
    severity: Severity | None = None,
    *,
    also: Any = (),
    edits: Any = (),
    **words: object,
) -> Problem:
    """A problem of the catalogue, with its words put in; `severity` overrides the catalogue's.

    `also` are further Places, `edits` the Edits that mend it; Any, so that words may be given as `**mapping`.
    """
    known = CATALOGUE[code]
    said = {name: word if isinstance(word, str) else shown(word) for name, word in words.items()}
    message, hint = known.message.format(**said), known.hint.format(**said)
    others: tuple[Place, ...] = tuple(also)
    mend: tuple[Edit, ...] = tuple(edits)
    return Problem(code, severity or known.severity, message, hint, place, others, mend)


def shown(value: object) -> str:
    """The author's own text, fit for one line of a message: quoted, shortened, nothing invisible in it."""
    text = ascii_controls(value) if isinstance(value, str) else repr(value)
    if len(text) > MAX_SHOWN:
        text = text[: MAX_SHOWN - 1] + "…"
    return f"'{text}'" if isinstance(value, str) else text


def ascii_controls(text: str) -> str:
    """The text with everything that is not printable written as an escape (line ends, right-to-left marks)."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def _order(one: Problem) -> tuple[int, str, int, int]:
    if one.place is None:
        return (1, "", _RANK[one.severity], 0)
    return (0, one.place.file, one.place.line, one.place.column)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """By place, each once; those without a place last."""
    unique = list(dict.fromkeys(problems))
    # what has no place is about the repository as a whole, and often follows from what has one
    unique.sort(key=_order)
    if len(unique) <= MAX_PROBLEMS:
        return tuple(unique)
    # Errors are never among those left out.
    kept = set(sorted(range(len(unique)), key=lambda at: (_RANK[unique[at].severity], at))[:MAX_PROBLEMS])
    rest = problem("too-many-problems", count=str(len(unique) - MAX_PROBLEMS))
    return (*(p for at, p in enumerate(unique) if at in kept), rest)
