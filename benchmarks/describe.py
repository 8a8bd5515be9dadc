"""How long describing a script takes, next to `ast.parse` of the same file, in one run.

python -m benchmarks.describe        prints one line a script, then the median and the worst ratio
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from parser.read import read
from parser.source import Entry, Source
from parser.wire import report_to_dict

ROUNDS = 15
"""Times each thing is measured; the fastest counts, since everything else is the machine's."""

LIMIT = 10.0
"""Describing may take this many times `ast.parse`."""

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


def scripts() -> dict[str, str]:
    """Scripts of several sizes: the sample, those of the tests, and one of a thousand lines."""
    found = {"samples/add-noise/im_add_noise.py": (ROOT / "samples/add-noise/im_add_noise.py").read_text()}
    for name in ("plain", "groups", "helpers", "classes"):
        found[name] = (ROOT / "tests/scripts/readable" / f"{name}.py").read_text()
    body = found["samples/add-noise/im_add_noise.py"]
    found["add-noise, 1000 lines"] = "".join(FILLER.format(n=n) for n in range(50)) + body
    return found


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of ROUNDS."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def measure(text: str) -> tuple[float, float]:
    """Seconds of `ast.parse` and of describing, JSON included."""
    contents = {"run.py": text.encode(), "requirements.txt": b"numpy\n"}
    source = Source({path: Entry(path, "file") for path in contents}, contents)
    parse = fastest(lambda: ast.parse(text))
    return parse, fastest(lambda: json.dumps(report_to_dict(read(source, "bench"))))


def main() -> int:
    """Prints the table, or JSON; exit code 1 when the limit is exceeded."""
    options = argparse.ArgumentParser(description="describe against ast.parse")
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = options.parse_args().json
    rows = []
    for name, text in scripts().items():
        parse, describe = measure(text)
        row = {
            "script": name,
            "lines": text.count("\n"),
            "parse_ms": parse * 1e3,
            "describe_ms": describe * 1e3,
        }
        rows.append({**row, "ratio": describe / parse})
    ratios = [float(row["ratio"]) for row in rows]
    if as_json:
        print(
            json.dumps(
                {"limit": LIMIT, "median": statistics.median(ratios), "worst": max(ratios), "rows": rows}
            )
        )
    else:
        print(f"{'script':36} {'lines':>6} {'ast.parse':>11} {'describe':>11} {'ratio':>7}")
        for row in rows:
            times = f"{row['parse_ms']:8.2f} ms {row['describe_ms']:8.2f} ms {row['ratio']:7.1f}"
            print(f"{row['script']:36} {row['lines']:>6} {times}")
        print(f"median {statistics.median(ratios):.1f}, worst {max(ratios):.1f}, limit {LIMIT:.0f}")
    return int(max(ratios) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
