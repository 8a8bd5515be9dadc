"""Scripts and their command lines: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

COMMAND_LINES: dict[str, Known] = {
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
        'Call `parser.parse_args()`, with nothing in its brackets, under `if __name__ == "__main__":`.',
    ),
    "notebook-command": Known(
        _ERROR,
        "`get_ipython()` exists in notebooks only; the script stops here when it is run.",
        "Remove the line; what it installs belongs into requirements.txt.",
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
        "The {field} of {name} {be} not known without running the script: `{source}` {why}.",
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
        "Give a default that is {type}.",
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
    "type-list": Known(
        _WARNING,
        "{name} has `type={type}`: argparse splits what is given into its single characters.",
        'Give the type of one item and `nargs="+"`: `--{option} 1 2 3` is three items then.',
    ),
    "parser-escapes": Known(
        _WARNING,
        "The parser is handed to {function}, which is not in this repository and may add arguments of its own.",
        "Add the arguments in the repository, if they belong to the module.",
    ),
    "parser-fields-unknown": Known(
        _WARNING,
        "The parser takes parameters from the fields of `{source}`; they are not known, as it {why}.",
        "List the fields that belong to the module in a dataclass of this repository.",
    ),
    "subcommands": Known(
        _WARNING,
        "The script has the subcommands {names}; a module is run with one set of parameters.",
        "Publish one repository for each subcommand, or make the choice an ordinary parameter.",
    ),
    "missing-parameter": Known(_ERROR, "The parameter {name} is missing.", "{mend}"),
}
