"""Arguments made of classes: collected from a module, registered by decorators, metaclasses and subclasses."""

import argparse
import inspect
import operator
import re

import helper_kinds

CAMEL = re.compile(r"([a-z])([A-Z])")
REGISTRY = {}


class Registered(type):
    def __new__(meta, name, bases, names):
        made = super().__new__(meta, name, bases, names)
        names["validate"] = staticmethod(lambda text: text)
        if "flag" in names:
            REGISTRY[made.__name__] = made
        return made

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.made_by = "Registered"
        return made


class Setting(metaclass=Registered):
    default = None
    order = 0

    def __init__(self, extra):
        self.help = f"{self.__doc__}, {extra}"

    def add_to(self, parser):
        words = {"help": f"{self.help} ({self.made_by})", "default": self.default}
        parser.add_argument(*self.flag, **words)


class Speed(Setting):
    """how fast"""

    flag = ["-s", "--speed"]
    default = 3
    order = 2


class Name(Setting):
    """what it is called"""

    flag = ["--name"]
    order = 1


class Command:
    known = {}

    def __init_subclass__(cls, /, name, **words):
        super().__init_subclass__(**words)
        Command.known[name] = cls

    @classmethod
    def all(cls):
        return sorted(cls.known)


class Train(Command, name="train"):
    def options(self):
        """--epochs"""

    def options_of_more(self):
        """--rate"""

    def other(self):
        """not for the command line"""


class Check(Command, name="check"):
    def options(self):
        """--strict"""


class Named:
    def __set_name__(self, owner, name):
        self.flag = f"--{owner.__name__.lower()}-{name}"


class Paths:
    data = Named()
    model = Named()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(Paths.data.flag, Paths.__dict__["model"].flag)
    for setting in sorted((made("known") for made in REGISTRY.values()), key=lambda one: one.order):
        setting.add_to(parser)
    for name in Command.all():
        group = parser.add_argument_group(name)
        for key, method in inspect.getmembers(Command.known[name], inspect.isfunction):
            if key.startswith("options"):
                group.add_argument(inspect.getdoc(method), help=key)
    managed = set()
    for value in helper_kinds.__dict__.values():
        if not isinstance(value, type):
            continue
        if issubclass(value, helper_kinds.Manager) and hasattr(value, "kind"):
            managed.add(value.kind)
    commands = parser.add_subparsers()
    for kind in sorted(managed, key=operator.attrgetter("__name__")):
        manager = getattr(helper_kinds, f"{kind.__name__}Manager")
        own = commands.add_parser(CAMEL.sub(r"\1-\2", kind.__name__).lower())
        for name in ("list", "get"):
            if not hasattr(manager, name):
                continue
            own.add_argument(f"--{name}", action="store_true")
        for name in (*manager.wanted, *manager.filters):
            own.add_argument("--" + name.replace("_", "-"), required=name in manager.wanted)
        if kind.key is not None:
            own.add_argument(f"--{kind.key}")
        for name, extra in helper_kinds.ACTIONS[kind.__name__].items():
            own.add_argument(f"--{name}", nargs=len(extra.required) or None, default=extra.in_object)
    parser.parse_args()


if __name__ == "__main__":
    main()
