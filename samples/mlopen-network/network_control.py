"""Tells on which of two spirals a point lies, by a small neural network: a control file of mlopen."""

import csv
import os

import numpy
from mlopenapp.pipelines.layers.network import Network
from mlopenapp.utils import io_handler as io
from mlopenapp.utils import plotter


def get_params(run=True):
    if run:
        return ""
    return {
        "epochs": ("integer", {"default": 400}),
        "hidden": ("integer", {"default": 24}),
        "rate": ("float", {"default": 0.02}),
        "seed": ("integer", {"default": 7}),
    }


def read_points(file):
    """Points, one row each, and the spiral of each where it is known."""
    file.open("r")
    rows = list(csv.DictReader(file))
    points = numpy.array([[float(row["x"]), float(row["y"])] for row in rows])
    return points, numpy.array([int(row.get("spiral") or 0) for row in rows])


def train(inpt, params=None):
    points, spirals = read_points(inpt)
    network = Network([2, params["hidden"], params["hidden"], 1], params["seed"])
    losses = [network.learn(points, spirals, params["rate"]) for _ in range(params["epochs"])]
    print(f"loss {losses[0]:.3f} at first, {losses[-1]:.3f} in the end")
    io.save_pipeline([(network, "network")], [(losses, "losses")], os.path.basename(__file__))


def run_pipeline(input, model, args, params=None):
    points, _ = read_points(input)
    chances = model.forward(points)
    data = [
        [*point, int(chances[place] >= 0.5), round(float(chances[place]), 4)]
        for place, point in enumerate(points)
    ]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"spiral {spiral}",
            "x": [row[0] for row in data if row[2] == spiral],
            "y": [row[1] for row in data if row[2] == spiral],
        }
        for spiral in (0, 1)
    ]
    epochs = list(range(1, len(args["losses"]) + 1))
    return {
        "data": data,
        "columns": ["x", "y", "spiral", "chance of spiral 1"],
        "graphs": [
            {"data": traces, "layout": {"title": "Points by their spiral"}},
            plotter.plotlify_scatter_js(
                x=epochs, y=args["losses"], xtag="epoch", ytag="loss", description="Training"
            ),
        ],
    }
