"""What stands in the way of the packages that are required: an example of every problem."""

from __future__ import annotations

from collections.abc import Mapping

from parser.examples.frames import WHOLE, Example

_TARGET = "Python 3.12 on linux/amd64 (manylinux_2_28)"


def _example(why: str, text: str, mended: str, words: Mapping[str, str]) -> Example:
    return Example(why, text, mended, frame=WHOLE, file="requirements.txt", words=words)


RESOLVING: dict[str, Example] = {
    "requirements-taken": Example(
        "Lock files of other tools bind versions and hashes; pyproject.toml and Pipfile say what is wanted.",
        '[project]\nname = "resize"\ndependencies = ["numpy==2.1"]\n',
        frame=WHOLE,
        file="pyproject.toml",
        beside={"requirements.txt": None},
    ),
    "requirement-unpinned": Example(
        "The lock stands in the image and is used again while the requirements stay as they are; what is newest after"
        " they changed may be something else.",
        "numpy\npandas>=2\n",
        "numpy==2.1.0\npandas==2.2.3\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-unknown": _example(
        "A name that is nearly right is sometimes somebody else's package, so nothing is guessed.",
        "reqests==2.32\n",
        "requests==2.32\n",
        {"wanted": "reqests==2.32", "name": "reqests", "mend": "Is `requests` meant?"},
    ),
    "requirement-version": _example(
        "The index was asked which versions there are.",
        "numpy==9.9.9\n",
        "numpy==2.1.0\n",
        {
            "wanted": "numpy==9.9.9",
            "found": "87 versions from 1.3.0 to 2.1.0",
            "mend": "The newest that runs there is 2.1.0.",
        },
    ),
    "requirement-no-wheel": _example(
        "A wheel with compiled code runs with the Python and on the system it was built for, and nowhere else.",
        "numpy==1.19.0\n",
        "numpy==2.1.0\n",
        {
            "wanted": "numpy==1.19.0",
            "found": "wheels of 1.19.0 for Python 3.6, 3.7 and 3.8",
            "target": _TARGET,
            "mend": "Take 2.1.0, which has one, or choose an environment with Python 3.8.",
        },
    ),
    "requirement-sources": _example(
        "Building a package runs its code. That is done in a job of its own, for packages that you name, never while"
        " packages are looked up.",
        "antlr4-python3-runtime==4.9.3\n",
        "antlr4-python3-runtime==4.13.2\n",
        {
            "wanted": "antlr4-python3-runtime==4.9.3",
            "why": "there are only its sources (antlr4-python3-runtime-4.9.3.tar.gz), which must be built before they"
            " can be installed",
            "mend": "Take 4.13.2, which has a wheel; or let a job build it: `build_sdists: [antlr4-python3-runtime]` in"
            " .mlreef.yaml.",
        },
    ),
    "requirement-conflict": _example(
        "Each of the requirements could be met alone; what they need themselves does not fit together.",
        "pandas==2.2.2\nnumpy==1.22.0\n",
        "pandas==2.2.2\nnumpy==1.26.4\n",
        {
            "wanted": "pandas==2.2.2 (line 1) and numpy==1.22.0 (line 2)",
            "found": "pandas==2.2.2 needs numpy>=1.26.0",
            "mend": "Write `numpy>=1.26.0`, or take another version of what needs it.",
        },
    ),
    "requirement-hash-wrong": _example(
        "A hash says which file is meant. Another file under the same name is refused, whoever put it there.",
        "six==1.16.0 --hash=sha256:" + "0123456789abcdef" * 4 + "\n",
        "six==1.16.0\n",
        {
            "wanted": "six==1.16.0 with the hash that is noted",
            "found": "six-1.16.0-py2.py3-none-any.whl with sha256:8abb2f1d…",
            "mend": "Update the hashes (`pip-compile --generate-hashes` does), if you know why they changed.",
        },
    ),
    "requirement-unresolved": _example(
        "This is what is told when nothing more exact is known.",
        "numpy\n",
        "numpy==2.1.0\n",
        {"wanted": "numpy", "why": "the index gives no hash for its wheel"},
    ),
    "index-address": _example(
        "Passwords of package indexes are CI variables whose names begin with MLREEF_INDEX_. They go to that index"
        " alone, and stand in no image, lock or log.",
        "--find-links https://me:${PASSWORD}@files.example.com/wheels/\n",
        "--find-links https://me:${MLREEF_INDEX_PASSWORD}@files.example.com/wheels/\n",
        {
            "why": "the variable PASSWORD is not offered to requirements",
            "mend": "Keep the account of an index in CI variables whose names begin with MLREEF_INDEX_.",
        },
    ),
}
