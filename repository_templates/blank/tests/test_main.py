"""What the module must always do."""

import json
import tempfile
import unittest
from pathlib import Path

import main

DATA = Path(__file__).parents[1] / "data"


class Module(unittest.TestCase):
    def test_each_file_is_listed_with_its_size(self):
        with tempfile.TemporaryDirectory() as folder:
            main.main(["--input-path", str(DATA), "--output-path", folder])
            found = json.loads(Path(folder, "files.json").read_text())
        self.assertEqual(found, {"example.txt": (DATA / "example.txt").stat().st_size})


if __name__ == "__main__":
    unittest.main()
