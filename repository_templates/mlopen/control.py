"""Tells classes apart by the nearest of their middles: a control file, as mlopen had them.

`train` and `run_pipeline` are called by the commands of the image; nothing has to read a command line here.
"""

import csv
import os

import nearest
from mlopenapp.utils import io_handler as io
from mlopenapp.utils import plotter


def get_params(run=True):
    """The parameters of each command, as mlopen's form had them."""
    if run:
        return {"doubt": ("float", {"default": 0.1})}
    return {"scaled": ("bool", {"default": True})}


def read_rows(file):
    """The lines of a table below its head, and the head."""
    file.open("r")
    head, *rows = [row for row in csv.reader(file) if row]
    return head, rows


def train(inpt, params=None):
    """Learns from a table whose last column is the class, and keeps what was learnt."""
    head, rows = read_rows(inpt)
    model = nearest.learn([row[:-1] for row in rows], [row[-1] for row in rows], params["scaled"])
    io.save_pipeline([(model, "middles")], [(head[:-1], "columns")], os.path.basename(__file__))


def run_pipeline(input, model, args, params=None):
    """Tells the class of each row; what is about as near to another class is in doubt."""
    wanted = args["columns"]
    _, rows = read_rows(input)
    found = nearest.classify(model, [row[: len(wanted)] for row in rows], params["doubt"])
    counts = {name: found.count(name) for name in sorted(set(found))}
    return {
        "data": [[*row[: len(wanted)], name] for row, name in zip(rows, found)],
        "columns": [*wanted, "class"],
        "graphs": [plotter.pie_plot_from_lists(list(counts), list(counts.values()), "Classes")],
        "text": f"<p>The class of <b>{len(found)}</b> rows.</p>",
    }
