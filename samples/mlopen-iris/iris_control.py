"""Tells species of flowers by their nearest neighbours: a control file of mlopen."""

import csv
import os

import numpy
from mlopenapp.utils import io_handler as io
from mlopenapp.utils import plotter


def get_params(run=True):
    if run:
        return {"k": ("integer", {"default": 5}), "weights": ("choice", {"choices": ["same", "nearness"]})}
    return ""


def read_flowers(file):
    """Measures in centimetres, one row a flower, and the last column, which is the species where it is known."""
    file.open("r")
    rows = [row for row in csv.reader(file) if row]
    measures = numpy.array([[float(cell) for cell in row[:4]] for row in rows[1:]])
    return rows[0][:4], measures, [row[4] if len(row) > 4 else "" for row in rows[1:]]


def train(inpt, params=None):
    names, measures, species = read_flowers(inpt)
    spread = measures.std(axis=0)
    model = {"measures": (measures - measures.mean(axis=0)) / spread, "species": species}
    io.save_pipeline(
        [(model, "neighbours")],
        [((measures.mean(axis=0), spread), "scale"), (names, "columns")],
        os.path.basename(__file__),
    )


def run_pipeline(input, model, args, params=None):
    _, measures, known = read_flowers(input)
    middle, spread = args["scale"]
    found = [nearest(model, (one - middle) / spread, params["k"], params["weights"]) for one in measures]
    columns = [*args["columns"], "species"]
    data = [[*measures[place], name] for place, name in enumerate(found)]
    text = f"<p>The species of {len(found)} flowers, by their <b>{params['k']}</b> nearest neighbours.</p>"
    if all(known):
        right = sum(name == known[place] for place, name in enumerate(found))
        columns.append("known as")
        data = [[*row, known[place]] for place, row in enumerate(data)]
        text += f"<p>{right} of them are right.</p>"
    counts = {name: found.count(name) for name in sorted(set(found))}
    pie = plotter.pie_plot_from_lists(list(counts), list(counts.values()), "Species")
    return {"data": data, "columns": columns, "graphs": [pie], "text": text}


def nearest(model, one, k, weights):
    """The species that most of the nearest flowers have, or that with the most weight."""
    far = numpy.sqrt(((model["measures"] - one) ** 2).sum(axis=1))
    votes = {}
    for place in numpy.argsort(far, kind="stable")[:k]:
        name = model["species"][place]
        votes[name] = votes.get(name, 0) + (1 / (far[place] + 1e-9) if weights == "nearness" else 1)
    return max(sorted(votes), key=votes.get)
