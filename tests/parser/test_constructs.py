"""Every construct that is to be read stands in a script of tests/scripts, which test_scripts.py compares with argparse.

A construct → the script that has it, and what of the construct stands there.
"""

import json
import re
from pathlib import Path

import pytest
from test_scripts import FIELDS

READABLE = Path(__file__).parent.parent / "scripts" / "readable"

HOW_A_PARSER_COMES_TO_BE = {
    "module code": ("plain", r"^parser = argparse.ArgumentParser\("),
    "a function": ("groups", r"def main\(\):\n    parser ="),
    "a method": ("classes", r"def add_more\(self\):\n        self.add_argument"),
    "a helper that takes the parser": ("helpers", r"def \w+\(parser\w*\):"),
    "a function that returns it": ("reached", r"return made"),
    "a class of options": ("classes", r"class Options:"),
    "parents": ("parents", r"parents=\["),
    "an argument group": ("groups", r"add_argument_group\("),
    "a mutually exclusive group": ("exclusive", r"add_mutually_exclusive_group\(required=True\)"),
    "an exclusive group in a group": ("groups", r"files.add_mutually_exclusive_group\("),
    "subparsers": ("subcommands", r"add_subparsers\("),
    "subparsers in subparsers": ("subcommands", r"test.add_subparsers\("),
    "set_defaults": ("constructors", r"set_defaults\(flag=True"),
    "set_defaults of a known dict": ("fields", r"set_defaults\(\*\*WORDS\)"),
    "add_argument through an alias": ("wrappers", r"add = parser.add_argument"),
    "partial": ("wrappers", r"functools.partial\(parser.add_argument"),
    "**kwargs of a known dict": ("wrappers", r"add_argument\(\*args, \*\*words\)"),
    "a loop over a literal list": ("fields", r"for name in \["),
    "a loop over a literal tuple": ("control_flow", r"for name in \("),
    "a loop over a dict": ("fields", r"for name in TABLE:"),
    "a loop over .items()": ("fields", r"in enumerate\(TABLE.items\(\)"),
    "a loop over a range": ("fields", r"for number in range\(3, 0, -2\)"),
    "a match whose subject is known": ("matched", r"match value:"),
    "a set, in no order": ("without_order", r"for name in NAMES:"),
    "combinations of known items": ("sequences", r"itertools.permutations\("),
    "a condition that is known": ("control_flow", r"if sys.version_info >= "),
    "star-arguments": ("wrappers", r"add_argument\(\*args\[1:1\]"),
    "f-strings": ("fields", r"f\"--\{name\}-\{number:02d\}\""),
    "% of known values": ("fields", r"\"%s=%.1f\" % \("),
    "format of known values": ("fields", r"\"--step-\{\}\".format\("),
    "arithmetic": ("fields", r"number\*\*2 % 5"),
    "string operations": ("texts", r"\.replace\(.*\.upper\(\)\.split\("),
    "constants of another module": ("packages", r"limits"),
    "enums of another module": ("packages", r"for one in Colour"),
    "dataclass defaults of another module": ("packages", r"Settings\.size"),
    "a field of a dataclass's object": ("packages", r"Settings\(label="),
    "an absolute import": ("packages", r"import a_package.options as options"),
    "a relative import": ("a_package/deeper/__init__", r"from \.\. import"),
    "a package": ("a_package/__init__", r"from \. import deeper"),
    "from x import *": ("packages", r"from a_package import \*"),
    "os.path.join": ("texts", r"os.path.join\("),
    "pathlib.Path": ("texts", r"Path\(\"data\"\) / "),
    "sorted": ("texts", r"sorted\(NAMES, key="),
    "a comprehension": ("texts", r"\[n\*\*2 for n in range\(4\) if n % 2\]"),
    "slices of sys.argv": ("fields", r"sys.argv\[1:\]"),
    "parse_args": ("plain", r"parse_args\(\)"),
    "parse_known_args": ("fields", r"parse_known_args\("),
    "parse_intermixed_args": ("exclusive", r"parse_intermixed_args\("),
    "a main guard": ("plain", r"if __name__ == \"__main__\":"),
    "a subclass of ArgumentParser": ("classes", r"class Parser\(argparse.ArgumentParser\)"),
    "defaults of a subclass": ("fields", r"def __init__\(self, \*, prog=\"tool\", allow_abbrev=False"),
    **{
        f"{name} of the constructor": (script, rf"\b{name}=")
        for name, script in {
            **dict.fromkeys(
                ("formatter_class", "prefix_chars", "conflict_handler", "allow_abbrev"), "constructors"
            ),
            **dict.fromkeys(("argument_default", "fromfile_prefix_chars", "exit_on_error"), "constructors"),
            "add_help": "parents",
        }.items()
    },
}
EVERY_FIELD = {
    "flags, short and long": ("plain", r"\"-l\", \"--learning-rate\""),
    "a positional": ("plain", r"\"name\", help="),
    "dest": ("plain", r"dest=\"cache\""),
    "a type": ("plain", r"type=float"),
    "a custom function as type": ("converters", r"type=str2bool"),
    "a type applied to a default": ("converters", r"type=int, default=\"12\""),
    "required": ("plain", r"required=True"),
    "choices": ("plain", r"choices=\["),
    "choices of a known expression": ("texts", r"choices=sorted\(NAMES\)"),
    "choices of a range": ("classes", r"choices=range\(1, 4\)"),
    "choices of an enum": ("texts", r"choices=list\(Level\)"),
    **{
        f"nargs={nargs}": (script, pattern)
        for nargs, script, pattern in (
            ("2", "plain", r"nargs=2"),
            ("?", "plain", r"nargs=\"\?\""),
            ("*", "plain", r"nargs=\"\*\""),
            ("+", "plain", r"nargs=\"\+\""),
            ("REMAINDER", "fields", r"nargs=argparse.REMAINDER"),
            ("PARSER", "fields", r"nargs=argparse.PARSER"),
        )
    },
    "const": ("plain", r"const=\"c\""),
    **{
        f"action={action}": (script, rf"action=(argparse\.)?\"?{action}\b")
        for action, script in {
            **dict.fromkeys(("store_true", "store_false", "store_const", "append", "extend"), "plain"),
            **dict.fromkeys(("count", "version", "BooleanOptionalAction"), "plain"),
            "append_const": "exclusive",
        }.items()
    },
    "an action of a class of the script": ("overridden", r"action=Words"),
    "help with %(default)s": ("plain", r"%\(default\)s"),
    "help with other fields": ("exclusive", r"%\(choices\)s"),
    "no help": ("plain", r"help=argparse.SUPPRESS"),
    "metavar": ("plain", r"metavar=\(\"X\", \"Y\"\)"),
    "group": ("groups", r"add_argument_group\(\"files\""),
    "mutual exclusion": ("exclusive", r"one_of.add_argument"),
    "subcommand": ("subcommands", r"add_parser\(\"deep\"\)"),
    "deprecated": ("fields", r"deprecated = True"),
    "a value that is not known": ("unknowns", r"random.randint"),
    "a parameter under an unknown condition": ("unknowns", r"if os.path.exists"),
}
CONSTRUCTS = {**HOW_A_PARSER_COMES_TO_BE, **EVERY_FIELD}


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_construct_stands_in_a_script_with_its_json(construct: str) -> None:
    script, pattern = CONSTRUCTS[construct]
    assert re.search(pattern, (READABLE / f"{script}.py").read_text("utf-8"), re.MULTILINE)
    pair = "packages" if script.startswith("a_package/") else script
    assert (READABLE / f"{pair}.json").is_file()


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_a_value_of_its_own_in_some_script(field: str) -> None:
    values = {
        json.dumps(one[field])
        for file in READABLE.glob("*.json")
        for one in json.loads(file.read_text("utf-8"))["parameters"]
    }
    assert len(values - {"null", "[]"}) > (1 if field not in ("one_required", "deprecated") else 0)
