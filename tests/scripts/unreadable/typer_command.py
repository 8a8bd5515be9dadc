import typer

app = typer.Typer()


@app.command()
def main(input_path: str):
    pass


if __name__ == "__main__":
    app()
