"""A repository with two entry points: one learns, the other uses what was learnt.

The annotations of one do nothing as MLReef's own pages have it: they give back themselves. Those of the other stand in
a parameters file.
"""

from __future__ import annotations

TRAIN = '''"""Learns which words stand in good sentences, and which in bad ones."""
import argparse, collections, json, pathlib


def data_processor(name=None, author=None, command=None, type=None, input_type=None, output_type=None):
    return data_processor


def parameter(name=None, type=None, required=None, defaultValue=None, description=None):
    return parameter


@data_processor(author="Ada", type="ALGORITHM", input_type="TEXT", output_type="MODEL")
@parameter("input-path", "STRING", True)
@parameter("output-path", "STRING", True)
@parameter("minimum", "INTEGER", False, 1)
def annotations():
    pass


parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True, help="lines of a word, a tab, and text")
parser.add_argument("--output-path", required=True)
parser.add_argument("--minimum", type=int, default=1, help="how often a word must be seen")

if __name__ == "__main__":
    args = parser.parse_args()
    counts = collections.defaultdict(collections.Counter)
    for line in pathlib.Path(args.input_path).read_text().splitlines():
        label, _, text = line.partition("\\t")
        counts[label].update(text.split())
    model = {label: {w: n for w, n in seen.items() if n >= args.minimum} for label, seen in counts.items()}
    folder = pathlib.Path(args.output_path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(model))
    (folder / "experiment.json").write_text(json.dumps({"1": {"words": sum(map(len, model.values()))}}))
'''

INFER = '''"""Says which kind of sentence each line is."""
import argparse, json, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
parser.add_argument("--model-path", required=True)

if __name__ == "__main__":
    args = parser.parse_args()
    model = json.loads(pathlib.Path(args.model_path).read_text())
    folder = pathlib.Path(args.output_path)
    folder.mkdir(parents=True, exist_ok=True)
    lines = pathlib.Path(args.input_path).read_text().splitlines()
    score = lambda line, label: sum(model[label].get(word, 0) for word in line.split())
    said = [max(sorted(model), key=lambda label: score(line, label)) for line in lines]
    (folder / "said.json").write_text(json.dumps(said))
'''

PARAMETERS = '''"""What the annotations of infer.py say; nobody runs this file."""


@data_processor(command="infer", type="ALGORITHM", input_type="TEXT", output_type="MODEL")
@parameter(name="input-path", type="STRING", required=True, description="lines of text")
@parameter(name="output-path", type="STRING", required=True)
@parameter(name="model-path", type="STRING", required=True, description="what train wrote")
def infer(): ...
'''

SENTENCES = "good\tall is well\ngood\twell done\nbad\tall is lost\nbad\tlost again\n"

FILES = {
    "train.py": TRAIN,
    "infer.py": INFER,
    "parameters.py": PARAMETERS,
    "requirements.txt": "# nothing but Python's own library\n",
    "sentences.tsv": SENTENCES,
    ".mlreef.yaml": (
        "kind: ALGORITHM\nentry_points:\n  train: train.py\n  infer: infer.py\nparameters_file: parameters.py\n"
        "sample: [train, --input-path, sentences.tsv, --output-path, /tmp/learnt]\n"
    ),
}
