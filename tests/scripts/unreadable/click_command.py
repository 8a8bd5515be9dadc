import click


@click.command()
@click.option("--input-path")
def main(input_path):
    pass


if __name__ == "__main__":
    main()
