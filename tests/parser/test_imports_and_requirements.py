"""Imports that no requirement provides, and requirements that nothing imports: hints, and only where one can tell."""

import pytest
from repositories import HEAD, PATHS, TAIL, report

from parser.model import Severity
from parser.requirements.names import DISTRIBUTIONS, Provided, misnamed, modules_of, usual_package


def hints(imports: str, requirements: str, beside: dict[str, str] | None = None) -> list[str]:
    """What is said about imports and requirements of a script that begins with these imports."""
    script = imports + "\n" + HEAD + PATHS + TAIL
    found = report({"run.py": script, "requirements.txt": requirements, **(beside or {})})
    told = [one for one in found.problems if one.code in ("import-unprovided", "requirement-unused")]
    assert all(one.severity is Severity.INFO for one in told)
    return [f"{one.place.file}:{one.place.line} {one.message}" for one in told]


@pytest.mark.parametrize(
    ("imports", "requirements"),
    [
        *(
            ("import numpy as np", "numpy==2.1"),
            ("import cv2", "opencv-python-headless"),
            ("import yaml", "PyYAML"),
        ),
        *(("from sklearn.svm import SVC", "scikit_learn"), ("from PIL import Image", "Pillow>=10")),
        *(
            ("import os, sys, json", ""),
            ("import absl.flags", "absl-py"),
            ("import google.cloud", "google-cloud-storage"),
        ),
        *(
            ("import numpy", "pandas"),
            ("import torch", "torchvision==0.20"),
            ("import x", "https://example.org/a.zip"),
        ),
        *(("try:\n    import cv2\nexcept ImportError:\n    cv2 = None", ""), ("if 0:\n    import cv2", "")),
        *(
            ("'''\nimport cv2\n'''", ""),
            ("import distutils.util", ""),
            ("import foo_bar", "foo.bar"),
            ("import yaml", "ruamel.yaml"),
        ),
        *(
            ("import bar", "py-bar"),
            ("import bar", "python-bar"),
            ("import Levenshtein", "python-Levenshtein"),
        ),
    ],
)
def test_nothing_is_said_where_a_requirement_may_provide_the_module(imports: str, requirements: str) -> None:
    assert [one for one in hints(imports, requirements) if "no requirement" in one] == []


def test_a_module_that_nothing_provides_is_told_once_at_its_first_import() -> None:
    told = hints("import cv2\ndef f():\n    import cv2, skimage.io\n", "numpy\n")
    assert told == [
        "run.py:1 cv2 is imported, but no requirement provides it.",
        "run.py:3 skimage is imported, but no requirement provides it.",
    ]


def test_the_hint_names_the_package_to_install() -> None:
    found = report({"run.py": "import cv2\n" + HEAD + PATHS + TAIL})
    (told,) = [one for one in found.problems if one.code == "import-unprovided"]
    assert "opencv-python" in told.hint


def test_imports_of_the_repositorys_own_modules_are_followed() -> None:
    told = hints(
        "import helper\nfrom package import inner\nfrom package.deep import thing\n",
        "",
        {
            "helper.py": "import torch\n",
            "package/__init__.py": "from . import beside\n",
            "package/inner.py": "import timm\n",
            "package/beside.py": "from .. import nothing\nimport kornia\n",
            "package/deep.py": "import lpips\n",
            "unreached.py": "import tensorflow\n",
        },
    )
    assert sorted(one.split()[0] + " " + one.split()[1] for one in told) == [
        *(
            "helper.py:1 torch",
            "package/beside.py:2 kornia",
            "package/deep.py:1 lpips",
            "package/inner.py:1 timm",
        )
    ]


def test_packages_that_no_file_mentions_are_told_in_one_sentence() -> None:
    told = hints("import torch", "torch\npandas\nscipy\nblack\nnumpy\n", {"other.py": "import scipy\n"})
    assert told == ["requirements.txt:2 Nothing imports pandas."]
    many = "".join(f"package{number}\n" for number in range(9))
    assert "and 4 more" in hints("", many)[0]


@pytest.mark.parametrize(
    "requirement", ["pandas ; sys_platform == 'win32'", "pandas[excel]", "tokenizers\ntransformers"]
)
def test_a_package_that_may_be_needed_otherwise_is_not_called_unused(requirement: str) -> None:
    assert hints("import transformers", requirement) == [] or "pandas" not in str(hints("", requirement))


@pytest.mark.parametrize("module", sorted(DISTRIBUTIONS))
def test_every_package_of_the_name_map_provides_its_module(module: str) -> None:
    for package in DISTRIBUTIONS[module]:
        assert module in Provided([package])
        assert module in modules_of(package)
    assert usual_package(module) == DISTRIBUTIONS[module][0]


@pytest.mark.parametrize(
    ("name", "meant"), [("sklearn", "scikit-learn"), ("cv2", "opencv-python"), ("json", None)]
)
def test_a_name_that_is_imported_is_no_name_of_a_package(name: str, meant: str | None) -> None:
    assert misnamed(name)[1] == meant
    assert misnamed("numpy") is None


HELPERS = "def load(path): ...\nSIZE = 3\n"


@pytest.mark.parametrize(
    ("line", "beside", "meant"),
    [
        ("from helper import load", "helpers.py", "helpers"),
        ("from helper import (\n    load,\n    SIZE,\n)", "helpers.py", "helpers"),
        ("import Helpers", "helpers.py", "helpers"),
        ("from utils.helper import load", "utils/helpers.py", "utils.helpers"),
        ("from util.helpers import load", "utils/helpers.py", "utils.helpers"),
        ("from helper import load", "helpers/__init__.py", "helpers"),
        ("from helper import load", "src/helpers.py", "helpers"),
    ],
)
def test_an_import_that_misses_a_name_of_the_repository_is_told_with_the_name(
    line: str, beside: str, meant: str
) -> None:
    found = report({"run.py": f"{line}\n" + HEAD + PATHS + TAIL, beside: HELPERS})
    (told,) = [one for one in found.problems if one.code.startswith("import-")]
    assert (told.code, told.severity, told.place.line) == ("import-misspelt", Severity.WARNING, 1)
    assert told.hint.startswith(f"Import {meant}.")
    assert ("If the package is meant, add" in told.hint) == ("." not in meant)


def test_a_relative_import_is_compared_with_its_own_folder() -> None:
    files = {
        "tool/__init__.py": "from .helper import load\n",
        "tool/helpers.py": HELPERS,
        "helper.py": HELPERS,
    }
    found = report({"run.py": "import tool\n" + HEAD + PATHS + TAIL, **files})
    (told,) = [one for one in found.problems if one.code.startswith("import-")]
    assert (told.place.file, told.hint) == ("tool/__init__.py", "Import .helpers.")


@pytest.mark.parametrize(
    ("line", "beside", "requirements"),
    [
        ("from datasets import load_dataset", "dataset.py", ""),
        ("from helper import load", "helpers.py", "helper"),
        ("try:\n    from helper import load\nexcept ImportError:\n    load = None", "helpers.py", ""),
        ("from helpers import load", "helpers.py", ""),
        ("from helpers.deep import load", "helpers.py", ""),
        ("from native import load", "native.cpython-312.so", ""),
        ("import data.cached", "data/cashed.txt", ""),
    ],
)
def test_a_package_of_nearly_the_same_name_is_not_called_misspelt(
    line: str, beside: str, requirements: str
) -> None:
    script = f"{line}\n" + HEAD + PATHS + TAIL
    found = report({"run.py": script, beside: HELPERS, "requirements.txt": requirements})
    assert "import-misspelt" not in [one.code for one in found.problems]


@pytest.mark.parametrize("line", ["numpy = 1.2", "numpy>=1.20<2", "-r missing.txt", "cv2", "json"])
def test_one_faulty_line_is_one_problem(line: str) -> None:
    found = report({"run.py": "import numpy\n" + HEAD + PATHS + TAIL, "requirements.txt": f"{line}\n"})
    told = [one.code for one in found.problems if one.place and one.place.file == "requirements.txt"]
    assert len(told) == 1
    assert ("import-unprovided" in [one.code for one in found.problems]) == (line in ("cv2", "json"))


def test_a_requirement_that_misses_the_name_of_what_is_imported_is_told_with_it() -> None:
    script = "from sklearn.svm import SVC\n" + HEAD + PATHS + TAIL
    found = report({"run.py": script, "requirements.txt": "scikit-lern==1.3\n"})
    told = [one for one in found.problems if one.code in ("import-unprovided", "requirement-unused")]
    assert [(one.code, one.severity) for one in told] == [("import-unprovided", Severity.WARNING)]
    assert "Is scikit-learn meant by `scikit-lern` in requirements.txt?" in told[0].hint
    assert [one.file for one in told[0].also] == ["requirements.txt"]


def test_a_package_that_is_used_is_not_taken_for_another_of_nearly_its_name() -> None:
    script = "import seaborn\nimport seaborns\n" + HEAD + PATHS + TAIL
    found = report({"run.py": script, "requirements.txt": "seaborn\n"})
    (told,) = [one for one in found.problems if one.code == "import-unprovided"]
    assert (told.severity, told.also) == (Severity.INFO, ())


@pytest.mark.parametrize(
    ("imports", "wanted"),
    [
        (
            "import yaml, os\nfrom PIL import Image\nimport helper",
            "imports needs `pillow`, `pyyaml`, `torch`.",
        ),
        ("import os", "Add an empty one"),
    ],
)
def test_without_the_file_the_hint_names_what_the_script_imports(imports: str, wanted: str) -> None:
    files = {"run.py": imports + "\n" + HEAD + PATHS + TAIL, "helper.py": "import torch\n"}
    (told,) = [
        one for one in report({**files, "requirements.txt": None}).problems if one.code == "no-requirements"
    ]
    assert wanted in told.hint
