"""What the cleaning must always do."""

import csv
import tempfile
import unittest
from pathlib import Path

import clean

DATA = Path(__file__).parents[1] / "data"


class Cleaning(unittest.TestCase):
    def test_no_gap_is_left_and_every_row_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            clean.main(["--input-path", str(DATA), "--output-path", folder, "--scale", "unit"])
            with Path(folder, "weather.csv").open(newline="") as table:
                after = list(csv.reader(table))
        with (DATA / "weather.csv").open(newline="") as table:
            before = list(csv.reader(table))
        self.assertEqual(after[0], before[0])
        self.assertEqual([row[0] for row in after], [row[0] for row in before])
        numbers = [float(cell) for row in after[1:] for cell in row[1:]]
        self.assertEqual((min(numbers), max(numbers)), (0.0, 1.0))

    def test_a_gap_gets_what_was_asked_for(self):
        lines = [["a"], ["1"], [""], ["1"], ["7"]]
        for fill, wanted in (("mean", "3"), ("median", "1"), ("zero", "0")):
            self.assertEqual(clean.clean_table(lines, fill, "none", 2)[2], (wanted,))

    def test_words_and_empty_columns_stay_as_they_are(self):
        lines = [["a", "b"], ["x", ""], ["2", ""]]
        self.assertEqual(clean.clean_table(lines, "mean", "unit", 2), [["a", "b"], ("x", ""), ("2", "")])


if __name__ == "__main__":
    unittest.main()
