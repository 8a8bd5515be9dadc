"""Tables of objects: classes that import fills in, objects as keys, settings in an order of their own."""

import argparse
import dataclasses
from dataclasses import InitVar, dataclass
from typing import Optional, get_args, get_type_hints

import helper_commands
from helper_table import Table, Command

SETTINGS = []


class SettingMeta(type):
    def __new__(cls, name, bases, names):
        new = super().__new__
        if not [one for one in bases if isinstance(one, SettingMeta)]:
            return new(cls, name, bases, names)
        names["order"] = len(SETTINGS)
        names["check"] = staticmethod(names["check"])
        made = new(cls, name, bases, names)
        made.describe(names.get("text", ""))
        SETTINGS.append(made)
        return made

    def describe(cls, text):
        setattr(cls, "short", text.strip().splitlines()[0])


class Setting:
    flag = None
    default = None

    def __init__(self):
        self.value = self.check(self.default)

    def __lt__(self, other):
        return (self.section, self.order) < (other.section, other.order)


Setting = SettingMeta("Setting", (Setting,), {})


def check_number(value):
    if not isinstance(value, int):
        raise TypeError(value)
    return value


class Workers(Setting):
    section = "b"
    flag = "--workers"
    default = 3
    check = check_number
    text = """
        How many work.
        More words.
        """


class Backlog(Setting):
    section = "a"
    flag = "--backlog"
    default = 10
    check = check_number
    text = "How many wait."


class Key:
    """A key that is equal to others of its name."""

    made = {}

    def __new__(cls, name, build=False):
        try:
            return cls.made[name, build]
        except KeyError:
            new = super().__new__(cls)
            object.__setattr__(new, "name", name)
            object.__setattr__(new, "build", build)
            cls.made[name, build] = new
            return new

    def __setattr__(self, name, value):
        raise AttributeError(name)

    def __eq__(self, other):
        return isinstance(other, Key) and (self.name, self.build) == (other.name, other.build)

    def __hash__(self):
        return hash((self.name, self.build))

    def __str__(self):
        return f"build.{self.name}" if self.build else self.name


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass
class Option:
    text: str
    given: InitVar[int]
    limit: Optional[int] = None
    ratio: float | None = None

    def __post_init__(self, given):
        self.default = given * 2


OPTIONS = {Key("depth"): Option("how deep", 2), Key("max_size"): Option("how large", 4, limit=9)}
SPECIAL = {Key("depth"): "special"}
PLACES = {Point(1, 2): "--here", Point(3, 4): "--there"}


class StoreOption(argparse.Action):
    def __init__(self, option_strings, dest, key, option, suffix="", **words):
        if key in SPECIAL:
            suffix += f" ({SPECIAL[key]})"
        super().__init__(option_strings, "options", nargs=1, default=option.default, help=f"{option.text}{suffix}", **words)

    def __call__(self, parser, namespace, values, option_string=None):
        pass


def flag_of(name):
    if name == "max_size":
        return "--largest"
    return "--" + name.replace("_", "-")


def add_fields(parser):
    hints = get_type_hints(Option)
    for field in dataclasses.fields(Option):
        field.type = hints[field.name]
        origin = getattr(field.type, "__origin__", field.type)
        several = get_args(field.type)
        if type(None) in several:
            field.type = several[0]
        parser.add_argument(f"--field-{field.name}", type=field.type, required=origin is str)


def main():
    parser = argparse.ArgumentParser()
    table = {name.flag: name for name in (made() for made in SETTINGS)}
    for flag in sorted(table, key=table.__getitem__):
        parser.add_argument(flag, type=type(table[flag].default), default=table[flag].value, help=table[flag].short)
    for key, option in OPTIONS.items():
        parser.add_argument(flag_of(str(key)), action=StoreOption, key=key, option=option)
        if Key(key.name) in OPTIONS and Key(key.name, True) not in OPTIONS:
            parser.add_argument(flag_of(str(Key(key.name, True))), action=StoreOption, key=key, option=option, suffix="!")
    parser.add_argument(PLACES[Point(3, 4)], PLACES.get(Point(9, 9), "--nowhere"))
    add_fields(parser)
    commands = parser.add_subparsers()
    for name in sorted(Table.classes[Command]):
        kind = Command.by_name(name)
        made = kind().add_to(commands)
        if kind.wants_more:
            made.add_argument("--more", action="append", default=[])
    parser.parse_args()


if __name__ == "__main__":
    main()
