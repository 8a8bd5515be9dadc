"""What the module needs to be installed: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import CONTROL, HOLE, PLAIN, WHOLE, Example

_RUN = """\
def run_pipeline(input, model, args, params=None):
    return {"text": input.read()}
"""

REQUIREMENTS: dict[str, Example] = {
    "no-requirements": Example(
        "The image has what the requirements name, and nothing else. A script that needs nothing has an empty file.",
        "",
        frame=WHOLE,
        file="README.md",
        beside={"requirements.txt": None},
    ),
    "requirement-invalid": Example(
        "pip refuses this line, and the image could not be built.",
        "numpy=2.1\n",
        "numpy==2.1\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-twice": Example(
        "pip joins both lines; whoever changes one of them will not see the other.",
        "numpy>=2\npandas\nnumpy<3\n",
        "numpy>=2,<3\npandas\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-contradiction": Example(
        "pip looks for a version that fits all lines of a package, constraints included, and finds none.",
        "numpy==2.1\npandas\nnumpy==2.0\n",
        "numpy==2.1\npandas\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-name": Example(
        "Some packages are imported by another name than the one they are installed by. What has the import's name on"
        " the index is often empty, refuses to be installed, or is not what was meant.",
        "sklearn\n",
        "scikit-learn\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-hash": Example(
        "With the first hash, pip checks everything it installs, and refuses what cannot be checked.",
        "numpy==2.1 --hash=sha256:" + "0123456789abcdef" * 4 + "\npandas==2.2\n",
        "numpy==2.1\npandas==2.2\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-constraint": Example(
        "A constraint says which version, if the package is installed at all; pip allows nothing else in it.",
        "pandas[excel]<3\n",
        "pandas<3\n",
        frame=WHOLE,
        file="constraints.txt",
        beside={"requirements.txt": "-c constraints.txt\n"},
    ),
    "requirement-cycle": Example(
        "pip opens the file again and again; newer versions refuse it.",
        "-r base.txt\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
        beside={"base.txt": "-r requirements.txt\n"},
    ),
    "requirement-ignored": Example(
        "pip reads the line without a word about the part that has no effect; here, no early version is ever taken.",
        "torch --pre\n",
        "torch\n--pre\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-pip-version": Example(
        "Which pip reads the file is the environment's choice and changes with time.",
        "numpy>=2,\n",
        "numpy>=2\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "import-unprovided": Example(
        "If nothing else brings the module, the script stops at this line.",
        "import cv2\n",
        frame=HOLE + PLAIN,
        beside={"requirements.txt": "pandas==2.2\n"},
    ),
    "import-misspelt": Example(
        "The script stops at this line, if no package of that name is installed that holds the same.",
        "from helper import resize\n",
        "from helpers import resize\n",
        frame=HOLE + PLAIN,
        beside={"helpers.py": "def resize(picture): ...\n"},
    ),
    "import-relative": Example(
        "Only modules of a package can import relatively, and a file that is run by its path is in none: the script"
        " stops with `attempted relative import with no known parent package`.",
        "from .helpers import resize\n",
        "from helpers import resize\n",
        frame=HOLE + PLAIN,
        beside={"helpers.py": "def resize(picture): ...\n"},
    ),
    "import-out-of-reach": Example(
        "The image runs the file by its path, so Python looks for modules beside that file. `python -m`, an IDE or"
        " PYTHONPATH may have hidden this from you.",
        "from lib.pictures import resize\n",
        "import sys\nfrom pathlib import Path\n\n"
        "sys.path.insert(0, str(Path(__file__).resolve().parents[1]))\nfrom lib.pictures import resize\n",
        frame=HOLE + PLAIN,
        file="tools/run.py",
        beside={"lib/pictures.py": "def resize(picture): ...\n", "run.py": None},
    ),
    "requirement-brought": Example(
        "What control files import of mlopen is in the image; the package itself is made for a web server.",
        "mlopenapp==1.0\n",
        "",
        frame=WHOLE,
        file="requirements.txt",
        beside={"run.py": CONTROL.replace(HOLE, _RUN)},
    ),
    "requirement-unused": Example(
        "A package that nobody uses makes the image larger and its build slower, and can be in the way of others.",
        "pandas==2.2\n",
        "",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-links": Example(
        "Requirements are a layer of the image below the sources: nothing of the repository but the requirements files"
        " is there.",
        "--find-links wheels\nnumpy\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-option": Example(
        "pip does not know this option and refuses the whole file.",
        "--only-wheels\nnumpy\n",
        "--only-binary :all:\nnumpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-outside": Example(
        "Where the image is built there are the files of this repository and nothing else.",
        "-r ../common/requirements.txt\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-file-missing": Example(
        "pip opens every file that is included, and this one is not in the repository.",
        "-r base.txt\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-local": Example(
        "Requirements are a layer of the image below the sources, so that a changed script does not install everything"
        " anew.",
        "-e .\nnumpy\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-variable": Example(
        "pip puts environment variables into the file; where the image is built only those of the environment exist.",
        "segmenter @ https://${FILES}/segmenter-1.2-py3-none-any.whl\n",
        "segmenter @ https://files.example.com/segmenter-1.2-py3-none-any.whl\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-credentials": Example(
        "A password in a repository is known to everyone who can read it, now and in its history.",
        "segmenter @ https://ada:secret@files.example.com/segmenter-1.2-py3-none-any.whl\n",
        "segmenter @ https://files.example.com/segmenter-1.2-py3-none-any.whl\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-tool": Example(
        "pip calls this program to fetch the package, and the base image may not have it.",
        "segmenter @ git+https://gitlab.example.com/vision/segmenter@v1.2\n",
        "segmenter==1.2\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
}
