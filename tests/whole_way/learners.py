"""Two small modules for the end of an experiment: a model that learns from pictures, and a drawing of it."""

from __future__ import annotations

_HEAD = """\
import argparse
import json
from pathlib import Path

import numpy
from skimage import io, util


def data_processor(**_description):
    return lambda function: function


"""

_TAIL = """

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", type=Path, required=True)
parser.add_argument("--output-path", type=Path, required=True)

if __name__ == "__main__":
    options = parser.parse_args()
    options.output_path.mkdir(parents=True, exist_ok=True)
    work(options.input_path, options.output_path)
"""

LEARN = f"""{_HEAD}@data_processor(
    name="Learn Brightness",
    type="ALGORITHM",
    input_type="IMAGE",
    output_type="MODEL",
    description="Learns how bright pictures are.",
)
def work(read, write):
    means = [float(util.img_as_float(io.imread(file)).mean()) for file in sorted(read.glob("*.png"))]
    (write / "model.json").write_text(json.dumps({{"mean": numpy.mean(means), "pictures": len(means)}}))
    (write / "experiment.json").write_text(json.dumps({{"1": {{"mean": numpy.mean(means)}}}}))
{_TAIL}"""
"""Pictures → `model.json`, how bright they are on average and how many there were; the same in `experiment.json`."""

DRAW = f"""{_HEAD}@data_processor(
    name="Draw Brightness",
    type="VISUALIZATION",
    input_type="MODEL",
    output_type="IMAGE",
    description="Draws what was learnt.",
)
def work(read, write):
    model = json.loads((read / "model.json").read_text())
    drawn = numpy.full((8, 8), model["mean"])
    io.imsave(write / "learnt.png", util.img_as_ubyte(drawn), check_contrast=False)
{_TAIL}"""
"""Such a model → `learnt.png`, a small picture of that brightness."""
