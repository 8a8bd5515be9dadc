"""Modules that are found in a folder and imported for what they register."""

import argparse
import glob
import importlib
import importlib.util
import os
import pkgutil
from pathlib import Path

from registry import MODELS

FOLDER = os.path.dirname(__file__)

for file in os.listdir(FOLDER):
    path = os.path.join(FOLDER, file)
    if file.startswith("registered_") and (file.endswith(".py") or os.path.isdir(path)):
        importlib.import_module(file[: file.find(".py")])

globbed = [os.path.basename(one)[:-3] for one in glob.glob(os.path.join(FOLDER, "registered_*.py"))]
paths = [one.stem for one in Path(__file__).parent.glob("registered_*.py") if one.name != "registered.py"]
found = [name for _, name, is_package in pkgutil.iter_modules([FOLDER]) if name.startswith("registered_")]

spec = importlib.util.spec_from_file_location("more", os.path.join(os.path.split(__file__)[0], "helper_more.py"))
more = importlib.util.module_from_spec(spec)
spec.loader.exec_module(more)

parser = more.build(argparse.ArgumentParser)
parser.add_argument("--model", choices=sorted(MODELS), default="small")
parser.add_argument("--globbed", choices=sorted(globbed))
parser.add_argument("--paths", choices=sorted(paths))
parser.add_argument("--found", choices=sorted(found))
first, _ = parser.parse_known_args()
MODELS[first.model].add_args(parser)
for name, model in MODELS.items():
    if getattr(first, "with_" + name, False):
        parser.add_argument(f"--never-{name}")
args = parser.parse_args()
