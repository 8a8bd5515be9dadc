"""What the module needs to be installed: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

REQUIREMENTS: dict[str, Known] = {
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
    "import-unprovided": Known(
        _INFO,
        "{module} is imported, but no requirement provides it.",
        "{mend}",
    ),
    "import-misspelt": Known(
        _WARNING,
        "There is no module {module}; this repository has {near}, which holds what is imported here.",
        "{mend}",
    ),
    "import-relative": Known(
        _ERROR,
        "The image runs `python {file}`, and a file that is run this way cannot import relatively.",
        "{mend}",
    ),
    "import-out-of-reach": Known(
        _WARNING,
        "Python will not find {module}: it lies {where}, and `python {file}` looks in {folder} and among installed"
        " packages only.",
        "Move the script beside it, or add before the import `sys.path.insert(0, {path})`, after `import sys` and"
        " `from pathlib import Path`.",
    ),
    "requirement-brought": Known(
        _WARNING,
        "{name} is in the image of every control file; as a requirement it may not be found.",
        "Remove the line.",
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
        "This line installs files of {what}.",
        "{mend}",
    ),
    "requirement-variable": Known(
        _WARNING,
        "This line uses the variable {variable}, which only the job that builds the image can have.",
        "Variables of CI whose names begin with `MLREEF_INDEX_` are put into addresses, others are not.",
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
}
