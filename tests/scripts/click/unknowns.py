import enum
import os
import random

import click


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Even(click.ParamType):
    name = "even"

    def convert(self, value, param, ctx):
        return int(value)


def positive(text):
    return abs(int(text))


extra = {"help": "given by a dictionary", "default": 3}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", default=random.random())
@click.option("--home", default=os.path.expanduser("~"), type=str)
@click.option("--even", type=Even())
@click.option("--positive", type=positive, default="3")
@click.option("--extra", **extra)
@click.option("--when", type=click.DateTime())
@click.option("--file", type=click.File("r"))
@click.option("--user", default=lambda: os.environ.get("USER", ""))
@click.argument("colour", type=click.Choice([one.value for one in Colour]), default="red")
def main(**kwargs):
    pass


if __name__ == "__main__":
    main()
