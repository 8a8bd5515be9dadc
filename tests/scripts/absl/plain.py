import enum

from absl import app, flags

import absl_more_flags

FLAGS = flags.FLAGS


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


flags.DEFINE_string("input-path", None, "Where the data is", required=True)
_OUT = flags.DEFINE_string("output-path", None, "Where results go")
flags.DEFINE_integer("size", "0x10", "Size", lower_bound=1)
flags.DEFINE_float("rate", 1, "Rate")
flags.DEFINE_bool("verbose", False, "Say more", short_name="b")
flags.DEFINE_boolean("fast", "true", "Be quick")
flags.DEFINE_boolean("maybe", None, "Perhaps")
flags.DEFINE_enum("mode", "a", ["a", "b"], "Mode")
flags.DEFINE_enum_class("colour", Colour.RED, Colour, "Colour")
flags.DEFINE_list("names", "x, y", "Names")
flags.DEFINE_spaceseplist("words", "x y", "Words")
flags.DEFINE_multi_string("tag", None, "Tags")
flags.DEFINE_multi_integer("layer", [1, 2], "Layers")
flags.DEFINE_multi_float("weight", 0.5, "Weights")
flags.DEFINE_multi_enum("kind", "p", ["p", "q"], "Kinds")
for name in ("one", "two"):
    flags.DEFINE_integer(f"{name}_count", 1, f"How many {name}")


def define_more():
    flags.DEFINE_string("late", "yes", "Defined in a function")


def main(argv):
    flags.DEFINE_string("too_late", None, "Never a flag")


if __name__ == "__main__":
    define_more()
    flags.mark_flags_as_required([_OUT])
    app.run(main)
