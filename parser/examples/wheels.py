"""Wheels that cannot become part of an image: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import WHOLE, Example

_WHEEL = {"wheel": "'resizer-1.0-py3-none-any.whl'", "package": "resizer"}


def _example(why: str, reason: str) -> Example:
    words = {**_WHEEL, "why": reason}
    return Example(why, "resizer==1.0\n", frame=WHOLE, file="requirements.txt", words=words)


WHEELS: dict[str, Example] = {
    "wheel-broken": _example(
        "A wheel is a zip archive. What cannot be read whole and checked is not put into an image by halves.",
        "'resizer/model.py' has more than 3000 bytes, which is what the archive says",
    ),
    "wheel-unsafe": _example(
        "Paths that leave their folder, links and names that other systems read otherwise are how archives overwrite"
        " what is not theirs.",
        "'../../bin/python' leads out of it",
    ),
    "wheel-record": _example(
        "Every wheel lists its files with their hashes. A file that differs was changed after the wheel was made.",
        "the hash of 'resizer/model.py' is another one",
    ),
    "wheel-metadata": _example(
        "The lock names a package and a version; a wheel that holds another one would be told by the wrong name in the"
        " list of what is in the image.",
        "it holds version '2.0' of 'resizer'",
    ),
    "wheel-limits": _example(
        "A small archive can unpack to more than any disk holds. Real packages are far below these limits.",
        "it would unpack to more than 16 GiB",
    ),
    "wheels-clash": Example(
        "Two packages that bring the same file cannot both work: pip lets the last one win without a word.",
        "opencv-python\nopencv-python-headless\n",
        "opencv-python-headless\n",
        frame=WHOLE,
        file="requirements.txt",
        words={"one": "opencv-python", "other": "opencv-python-headless", "path": "'cv2/__init__.py'"},
    ),
}
