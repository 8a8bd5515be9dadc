"""Packages of conda that cannot become part of an image: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import WHOLE, Example


def _example(why: str, text: str, words: dict[str, str], mended: str | None = None) -> Example:
    return Example(why, text, mended, frame=WHOLE, file="environment.yml", words=words)


CONDA: dict[str, Example] = {
    "conda-environment": _example(
        "Channels are addresses that packages are fetched from; one that does not exist has none.",
        "channels: [conda-forgery]\ndependencies: [numpy]\n",
        {
            "why": "https://packages.example.com/conda-forgery has no such list of packages",
            "mend": "Correct the channel's name.",
        },
        "channels: [conda-forge]\ndependencies: [numpy]\n",
    ),
    "conda-unresolved": _example(
        "Every package names versions of others that it works with; these together leave none.",
        "dependencies: [python=3.12, numpy=1.21]\n",
        {"why": "numpy 1.21.* needs python <3.11, which 3.12 is not"},
        "dependencies: [python=3.12, numpy=2.1]\n",
    ),
    "conda-package": _example(
        "A package lists its files with their hashes. One that differs, or leads out of its folder, is not unpacked.",
        "dependencies: [resizer=1.0]\n",
        {
            "file": "'resizer-1.0-py_0.conda'",
            "package": "resizer",
            "why": "the hash of 'bin/resize' is another one",
        },
    ),
    "conda-script": _example(
        "An image is put together from files. A script that would change them at the end is left out.",
        "dependencies: [fonts]\n",
        {"package": "fonts"},
    ),
}
