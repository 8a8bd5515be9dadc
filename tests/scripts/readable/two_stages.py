"""A first look at the command line decides what else is added; what is not given stands at its default."""

import argparse
import importlib


def base(parser):
    parser.add_argument("--model", default="plain", help="which model")
    parser.add_argument("--mode", choices=("train", "test"), default="train")
    parser.add_argument("--config", default="", help="a file with other defaults")
    parser.add_argument("--width", type=int, default="8")
    return parser


def chosen(name):
    module = importlib.import_module("stages_" + name)
    wanted = name.replace("_", "") + "model"
    for key, value in module.__dict__.items():
        if key.lower() == wanted:
            return value.add_options


parser = base(argparse.ArgumentParser())
first, rest = parser.parse_known_args()
parser = chosen(first.model)(parser)
if first.mode == "train":
    parser.add_argument("--rate", type=float, default=0.1)
else:
    parser.add_argument("--beams", type=int, default=5)
if first.config:
    with open(first.config) as file:
        parser.set_defaults(**dict(line.split("=") for line in file))
args = parser.parse_args(rest)
