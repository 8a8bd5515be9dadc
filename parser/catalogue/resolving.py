"""What stands in the way of the packages that are required: wanted, found, why not, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

RESOLVING: dict[str, Known] = {
    "requirements-taken": Known(
        _INFO, "There is no requirements.txt; the packages of {file} are installed.", "{mend}"
    ),
    "requirement-unpinned": Known(
        _WARNING,
        "No exact version is asked for of {names}: the newest one on the day of the first build is locked.",
        "Write `NAME==VERSION` once it works; the log of the build names the versions.",
    ),
    "requirement-unknown": Known(
        _ERROR, "{wanted} is wanted; no package of the name {name} is found on the package index.", "{mend}"
    ),
    "requirement-version": Known(
        _ERROR, "{wanted} is wanted; found: {found}. No version is both there and asked for.", "{mend}"
    ),
    "requirement-no-wheel": Known(_ERROR, "{wanted} is wanted; found: {found}, none for {target}.", "{mend}"),
    "requirement-sources": Known(_ERROR, "{wanted} is wanted; {why}.", "{mend}"),
    "requirement-conflict": Known(
        _ERROR, "{wanted} are wanted; found: {found}. No versions meet all of them.", "{mend}"
    ),
    "requirement-hash-wrong": Known(
        _ERROR, "{wanted} is wanted; found: {found}, which is another file.", "{mend}"
    ),
    "requirement-unresolved": Known(
        _ERROR,
        "{wanted} cannot be met: {why}.",
        "Try `pip install --only-binary :all: -r FILE` with the environment's Python, and correct what it names.",
    ),
    "index-address": Known(_ERROR, "This package index cannot be used: {why}.", "{mend}"),
}
