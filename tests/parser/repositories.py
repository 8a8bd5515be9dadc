"""Small repositories as values."""

from parser.model import Report
from parser.read import read
from parser.source import Entry, Source

PATHS = """
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
"""
STAND_INS = "def data_processor(*_, **__): return lambda f: f\nparameter = param = metric = data_processor\n"
HEAD = "import argparse\nparser = argparse.ArgumentParser()\n"
TAIL = '\nif __name__ == "__main__":\n    parser.parse_args()\n'


def source(files: dict[str, str | bytes], **links: str) -> Source:
    """A source of these files; `requirements.txt` is there and empty unless it is given as None."""
    texts = {"requirements.txt": "", **files}
    contents = {
        path: text.encode() if isinstance(text, str) else text
        for path, text in texts.items()
        if text is not None
    }
    entries = {path: Entry(path, "file") for path in contents}
    return Source(entries, contents)


def report(files: dict[str, str | bytes], **more: str) -> Report:
    """What the reader says of these files."""
    return read(source(files), "a project", **more)


def of_script(body: str) -> Report:
    """What the reader says of a script that has the two mandatory parameters, and this."""
    return report({"run.py": HEAD + PATHS + body + TAIL})


def parameter(body: str, name: str):
    """One parameter of such a script."""
    module = of_script(body).module
    return next(one for one in module.parameters if one.name == name)


def codes(found: Report) -> list[str]:
    """The codes of its problems, in order."""
    return [problem.code for problem in found.problems]
