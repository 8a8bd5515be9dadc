"""What the drawing must always do."""

import tempfile
import unittest
from pathlib import Path

import draw

DATA = Path(__file__).parents[1] / "data"
PNG = b"\x89PNG\r\n\x1a\n"


class Drawing(unittest.TestCase):
    def test_each_table_becomes_a_picture(self):
        with tempfile.TemporaryDirectory() as folder:
            draw.main(["--input-path", str(DATA), "--output-path", folder, "--form", "points"])
            self.assertEqual(Path(folder, "day.png").read_bytes()[: len(PNG)], PNG)

    def test_every_other_column_of_numbers_is_drawn(self):
        columns = {"a": ("1", "2"), "b": ("3", "4"), "words": ("x", "y"), "c": ("5", "6")}
        (axes,) = draw.draw(columns, "b", "lines", 4.0, "title").axes
        self.assertEqual([line.get_label() for line in axes.lines], ["a", "c"])
        self.assertEqual(list(axes.lines[0].get_xdata()), [3.0, 4.0])


if __name__ == "__main__":
    unittest.main()
