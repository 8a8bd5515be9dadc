import click

SIZES = [1, 2, 3]


@click.command()
@click.option("--input-path", "-i", type=click.Path(exists=True), required=True, help="Where the data is")
@click.option("--output-path", required=True)
@click.option("--size", default=SIZES[1], show_default=True, help="""
    How large.
""")
@click.option("--rate", default="0.5", type=float)
@click.option("--mode", type=click.Choice(["a", "b"]), default="a")
@click.option("--shout/--no-shout", default=False)
@click.option("--verbose", "-v", count=True)
@click.option("--debug", is_flag=True)
@click.option("--tag", multiple=True)
@click.option("--point", nargs=2, type=float)
@click.option("--pair", type=(str, int))
@click.option("--upper", "case", flag_value="upper")
@click.option("--share", type=click.IntRange(0, 100), default=10)
@click.option("--loss", type=click.FloatRange(min=0))
@click.option("-n", "--number-of-things", "count_of", type=int)
@click.option("--sizes", multiple=True, default=[1, 2])
@click.option("--flag-off", is_flag=True, flag_value=False, default=True)
@click.option("--hidden", hidden=True, default=None)
@click.option("--on/--off", "-o/-O", default=True)
@click.option("--text", default=lambda: "made")
@click.version_option("1.0")
@click.argument("source")
@click.argument("rest", nargs=-1)
def main(**kwargs):
    pass


if __name__ == "__main__":
    main()
