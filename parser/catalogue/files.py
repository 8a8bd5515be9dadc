"""Files and the entry point: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

FILES: dict[str, Known] = {
    # Files
    "file-unreadable": Known(_ERROR, "{file} cannot be read: {why}.", "{mend}"),
    "syntax-error": Known(
        _ERROR,
        "{file} is not valid Python: {why}.",
        "{mend}",
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
        "No entry point was found: no file has a @data_processor annotation, and none reads a command line"
        ' under `if __name__ == "__main__":`.',
        "{mend}",
    ),
    "several-entry-points": Known(
        _ERROR,
        "{count} files could be the entry point: {files}.",
        "Name the one that is meant in .mlreef.yaml: `entry_points: {{main: {first}}}`. To have several in one image,"
        " give each a role: `entry_points: {{{one}: {first}, {other}: {second}}}`.",
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
    # Control files of mlopen
    "control-file-function": Known(
        _ERROR,
        "{file} trains and never runs: a control file of mlopen has {name}() as well.",
        "Write it: `{mended}`.",
    ),
    "control-file-signature": Known(
        _ERROR,
        "{name}() in {file} cannot be called as mlopen calls it: {why}.",
        "Write `{mended}`.",
    ),
    "control-file-beside": Known(
        _ERROR,
        "{file} is a control file of mlopen, which makes the commands `train` and `run` itself and cannot be one of"
        " several entry points.",
        "Name it alone in .mlreef.yaml: `entry_points: {{main: {file}}}`.",
    ),
    "control-import-missing": Known(
        _WARNING, "{name} is used, and there is no such thing in the image.", "{mend}"
    ),
    "control-parameters-unknown": Known(
        _WARNING,
        "The parameters that get_params declares for `{command}` are not known without running the file: what it"
        " gives {why}.",
        "Give a dictionary that is written there.",
    ),
    "control-parameter-refused": Known(
        _ERROR, "The command in the image cannot have the parameter {name}: {why}.", "{mend}"
    ),
}
