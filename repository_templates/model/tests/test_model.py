"""What the model must always do."""

import csv
import json
import tempfile
import unittest
from pathlib import Path

import predict
import train

DATA = Path(__file__).parents[1] / "data"


class Training(unittest.TestCase):
    def test_it_learns_the_flowers(self):
        with tempfile.TemporaryDirectory() as folder:
            train.main(["--input-path", str(DATA), "--output-path", folder, "--epochs", "100"])
            model = json.loads(Path(folder, "model.json").read_text())
            measured = json.loads(Path(folder, "experiment.json").read_text())
        self.assertEqual(list(measured), [str(epoch) for epoch in range(1, 101)])
        self.assertGreater(measured["100"]["val_acc"], 0.8)
        self.assertLess(measured["100"]["loss"], measured["1"]["loss"])
        self.assertEqual(model["classes"], ["forest", "meadow", "shore"])

    def test_what_was_learnt_tells_the_classes(self):
        with tempfile.TemporaryDirectory() as folder:
            train.main(["--input-path", str(DATA), "--output-path", folder])
            model, told = Path(folder, "model.json"), Path(folder, "told")
            predict.main(["--input-path", str(DATA), "--model-path", str(model), "--output-path", str(told)])
            with (told / "flowers.csv").open(newline="") as table:
                found = [row[-1] for row in list(csv.reader(table))[1:]]
        _, classes = train.read_tables(DATA)
        right = [one == wanted for one, wanted in zip(found, classes)]
        self.assertGreater(sum(right) / len(right), 0.8)

    def test_the_same_seed_gives_the_same_model(self):
        rows, classes = train.read_tables(DATA)
        once, again = (train.train(rows, classes, 5, 0.5, 0.25, 3) for _ in range(2))
        self.assertEqual(once, again)


if __name__ == "__main__":
    unittest.main()
