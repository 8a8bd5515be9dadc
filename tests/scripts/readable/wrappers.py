"""add_argument under other names."""

import argparse
import functools
import operator


def main():
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("--alias")
    number = functools.partial(parser.add_argument, type=int, default=0)
    number("--first")
    number("--second", default=2)
    getattr(parser, "add_argument")("--got")

    def option(name, *flags, **words):
        words.setdefault("help", f"the {name}")
        return parser.add_argument("--" + name, *flags, **words)

    option("wrapped", "-w", type=float)
    shorter = lambda name, **words: parser.add_argument("-" + name[0], "--" + name, **words)  # noqa: E731
    shorter("lambda", action="count", default=0)
    [parser.add_argument(f"--listed-{n}") for n in range(2)]
    list(map(parser.add_argument, ["--mapped", "--too"]))
    args = ("-s", "--starred")
    words = {"nargs": "?", "const": "yes", "default": "no"}
    parser.add_argument(*args, **words)
    parser.add_argument(*args[1:1], "--joined", **{**words, "const": "joined"})
    for flag, kind in sorted({"--b": int, "--a": float}.items(), key=operator.itemgetter(0)):
        parser.add_argument(flag, type=kind)
    setattr(parser, "mine", parser.add_argument)
    parser.mine("--own")
    parser.parse_args()


if __name__ == "__main__":
    main()
