"""A helper beside the scripts."""

DEFAULT = "of the module"


def build(cls, **words):
    parser = cls(**words)
    parser.add_argument("--built", default=DEFAULT)
    return parser


def add_paths(parser):
    for name in ("in", "out"):
        parser.add_argument(f"--{name}-path", required=True)


def add_dynamic(parser, default):
    parser.add_argument("--dynamic", default=default)


class Options:
    values = {"lr": 0.1, "epochs": 3}

    def add_to(self, parser):
        for name, value in self.values.items():
            parser.add_argument(f"--{name}", type=type(value), default=value)
