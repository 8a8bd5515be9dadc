"""How long describing a script takes, its modules included, next to `ast.parse` of the same files.

The scripts: the command lines of the standard library, the sample, those of the tests, and one of a thousand lines.
Both times are taken in the same run: `ast.parse` is timed inside of describing.

    python -m benchmarks.describe        prints the median, the worst, and every script of our own
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fidelity.corpus import candidates, standard_library
from fidelity.readers import read_ours
from parser.source import Entry, Source, load_source

ROUNDS = 5
"""Times each script is read; the fastest counts, since everything else is the machine's."""

LIMIT = 5.0
"""Describing may take this many times `ast.parse`: the median over all scripts."""

ROOT = Path(__file__).parent.parent

FILLER = '''

class Model{n}:
    """A class as people write them."""

    def __init__(self, size, depth={n}):
        self.layers = [size * index for index in range(depth)]
        self.names = {{"first": size, "second": [depth, "text", None]}}

    def forward(self, batch, *, scale=1.0):
        total = 0.0
        for index, layer in enumerate(self.layers):
            if batch is None or index > len(batch):
                continue
            total += layer * scale + batch[index % len(batch)] ** 2
        return {{"loss": total / max(1, len(self.layers)), "name": f"model-{{total:.3f}}"}}
'''


@dataclass(frozen=True)
class Row:
    """One script: files parsed for it, milliseconds of parsing them, and of describing, parsing included."""

    script: str
    files: int
    parse_ms: float
    describe_ms: float

    @property
    def ratio(self) -> float:
        return self.describe_ms / self.parse_ms


def own() -> Iterator[tuple[str, Source, str]]:
    """Scripts of several sizes: the sample, those of the tests, and one of a thousand lines."""
    sample = (ROOT / "samples/add-noise/im_add_noise.py").read_text()
    yield "samples/add-noise/im_add_noise.py", alone(sample), "run.py"
    for name in ("plain", "groups", "helpers", "classes"):
        yield name, alone((ROOT / "tests/scripts/readable" / f"{name}.py").read_text()), "run.py"
    yield "add-noise, 1000 lines", alone("".join(FILLER.format(n=n) for n in range(50)) + sample), "run.py"


def alone(text: str) -> Source:
    """A repository of one script."""
    contents = {"run.py": text.encode(), "requirements.txt": b"numpy\n"}
    return Source({path: Entry(path, "file") for path in contents}, contents)


def library() -> Iterator[tuple[str, Source, str]]:
    """Command lines of the standard library."""
    package = standard_library()
    source = load_source(package.root)
    for script in candidates(package):
        yield script.path, source, script.path


def measure(name: str, source: Source, path: str) -> Row | None:
    """The fastest of ROUNDS; None for a script that has no parameters."""
    rows = []
    for _ in range(ROUNDS):
        reading = read_ours(source, path)
        if not reading.parameters:
            return None
        rows.append(Row(name, reading.files, reading.parse_seconds * 1e3, reading.seconds * 1e3))
    return min(rows, key=lambda row: row.describe_ms)


def main() -> int:
    """Prints the table, or JSON; exit code 1 when the limit is exceeded."""
    options = argparse.ArgumentParser(description="describe against ast.parse")
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = options.parse_args().json
    shown = [row for row in (measure(*one) for one in own()) if row]
    rows = [*shown, *(row for row in (measure(*one) for one in library()) if row)]
    ratios = sorted(row.ratio for row in rows)
    median = statistics.median(ratios)
    if as_json:
        print(json.dumps({"limit": LIMIT, "median": median, "rows": [asdict(row) for row in rows]}))
    else:
        print(f"{'script':36} {'files':>6} {'ast.parse':>11} {'describe':>11} {'ratio':>7}")
        slowest = sorted((row for row in rows if row not in shown), key=lambda row: -row.ratio)[:5]
        for row in [*shown, *slowest]:
            times = f"{row.parse_ms:8.2f} ms {row.describe_ms:8.2f} ms {row.ratio:7.1f}"
            print(f"{row.script:36} {row.files:>6} {times}")
        print(
            f"{len(rows)} scripts: median {median:.1f}, worst {ratios[-1]:.1f}, limit of the median {LIMIT:.0f}"
        )
    return int(median > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
