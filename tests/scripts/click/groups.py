import functools

import click


def shared(function):
    @click.option("--seed", type=int, default=0)
    @click.option("--input-path", required=True)
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


_COMMON = [click.option("--output-path", required=True), click.option("--device", default="cpu")]


def add_options(options):
    def add(function):
        for option in reversed(options):
            function = option(function)
        return function

    return add


@click.group()
@click.option("--verbose", is_flag=True)
@click.pass_context
def cli(context, verbose):
    pass


@cli.command()
@shared
@click.argument("name", required=False)
def train_model(**kwargs):
    pass


@cli.command("score")
@add_options(_COMMON)
def evaluate(**kwargs):
    pass


@click.command
def info_command():
    pass


cli.add_command(info_command)


@cli.group()
def data():
    pass


@data.command()
@click.option("--all", "everything", is_flag=True)
def clean(everything):
    pass


def start():
    cli(obj={})


if __name__ == "__main__":
    start()
