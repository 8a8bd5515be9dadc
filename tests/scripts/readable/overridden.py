"""A script's own parser, groups and actions."""

import argparse


class StoreBoth(argparse.Action):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        flags = []
        for flag in self.option_strings:
            flags.append(flag)
            if "_" in flag[2:]:
                flags.append(flag.replace("_", "-"))
        self.option_strings = flags

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)


class Group(argparse._ArgumentGroup):
    def _add_action(self, action):
        if isinstance(action, argparse._StoreAction):
            action = StoreBoth(**vars(action))
        return super()._add_action(action)


class Parser(argparse.ArgumentParser):
    def add_argument(self, *flags, **words):
        if "default" in words and "type" not in words and isinstance(words["default"], (int, float)):
            words["type"] = type(words["default"])
        words.setdefault("help", "(no help)")
        return super().add_argument(*flags, **words)

    def add_argument_group(self, *args, **kwargs):
        group = Group(self, *args, **kwargs)
        self._action_groups.append(group)
        return group


class Words(argparse.Action):
    def __init__(self, option_strings, dest, nargs=None, **kwargs):
        if nargs is not None:
            raise ValueError("nargs is not allowed")
        super().__init__(option_strings, dest, nargs="+", **kwargs)

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, dict(value.split("=") for value in values))


class Loud(argparse._StoreTrueAction):
    pass


def yes(text):
    return text.lower() in ("yes", "true", "1")


def main():
    parser = Parser(description="mine")
    parser.register("action", "words", Words)
    parser.register("type", "yes", yes)
    parser.add_argument("--count", default=3)
    parser.add_argument("--ratio", default=0.5, help="a ratio, %(default)s unless given")
    parser.add_argument("--pairs", action="words", default={})
    parser.add_argument("--more", action=Words, metavar="A=B")
    parser.add_argument("--loud", action=Loud)
    parser.add_argument("--sure", type="yes", default="yes")
    group = parser.add_argument_group("both spellings")
    group.add_argument("--log_dir", default="logs")
    group.add_argument("--dry_run", action="store_true")
    changed = parser.add_argument("--changed")
    changed.default = "afterwards"
    changed.required = False
    for action in parser._actions:
        if action.dest == "count":
            action.help = "how many"
    parser.parse_args()


if __name__ == "__main__":
    main()
