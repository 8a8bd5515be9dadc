"""What the pipeline must always do."""

import csv
import unittest
from pathlib import Path

import nearest

DATA = Path(__file__).parents[1] / "data"


class Nearest(unittest.TestCase):
    def test_it_tells_the_flowers_apart(self):
        with (DATA / "flowers.csv").open(newline="") as table:
            rows = list(csv.reader(table))[1:]
        measures, kinds = [row[:-1] for row in rows], [row[-1] for row in rows]
        model = nearest.learn(measures, kinds, True)
        right = [one == kind for one, kind in zip(nearest.classify(model, measures, 0.0), kinds)]
        self.assertGreater(sum(right) / len(right), 0.8)

    def test_what_lies_between_two_classes_is_in_doubt(self):
        model = nearest.learn([[0], [2]], ["a", "b"], False)
        self.assertEqual(nearest.classify(model, [[0.1], [1.0], [1.9]], 0.1), ["a", nearest.IN_DOUBT, "b"])


if __name__ == "__main__":
    unittest.main()
