"""Values that are worked out."""

import argparse
import math
import os
import os.path as osp
import re
import string
from enum import Enum, IntEnum, auto
from pathlib import Path
from textwrap import dedent


class Level(str, Enum):
    LOW = "low"
    HIGH = "high"

    def __str__(self):
        return self.value


class Size(IntEnum):
    SMALL = 1
    LARGE = auto()


class Plain(Enum):
    A = auto()
    B = auto()


NAMES = {"b": 2, "a": 1}
PACKED = dict(one=1, **{"two": 2})
ROOT = Path("data") / "raw"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", default=os.path.join("out", "logs"), help="below " + osp.join("a", "b"))
    parser.add_argument("--root", type=Path, default=ROOT / "x.txt", help=f"{ROOT.name} of {ROOT.parent}")
    parser.add_argument("--sorted", choices=sorted(NAMES), default=sorted(NAMES, key=lambda n: NAMES[n])[-1])
    parser.add_argument("--keys", choices=list(NAMES.keys()), help="one of " + " | ".join(NAMES))
    parser.add_argument("--squares", type=int, nargs="+", default=[n**2 for n in range(4) if n % 2])
    parser.add_argument("--format", default="{}-{name}".format(1, name="x"), help="%d of %s" % (3, "many"))
    parser.add_argument("--spec", default=f"{math.pi:.2f}|{NAMES['a']!r:>3}|{'yes' if PACKED['two'] > 1 else 'no'}")
    parser.add_argument("--level", type=Level, choices=list(Level), default=Level.LOW, help=f"like {Level.HIGH}")
    parser.add_argument("--size", type=int, choices=[s.value for s in Size], default=int(Size.LARGE))
    parser.add_argument("--plain", choices=[p.name for p in Plain], default=Plain.B.name)
    parser.add_argument("--members", choices=tuple(Plain.__members__), default=next(iter(Plain)).name)
    parser.add_argument("--number", type=float, default=2e-3 * 10 // 3 + 7 % 4 - (1 << 3))
    parser.add_argument("--text", default=dedent("  a\n  b").replace("\n", ",").upper().split(",")[0] * 2)
    parser.add_argument("--words", nargs="*", default="a b c".split(), type=str.upper)
    parser.add_argument("--letters", default=string.ascii_lowercase[:3] + string.digits[-1:])
    parser.add_argument("--found", default=re.sub("[^a-z]", "", "a1b2") if re.match("a", "abc") else "no")
    parser.add_argument("--zip", default=[f"{k}{v}" for k, v in zip("ab", range(2))], nargs="*")
    parser.add_argument("--enumerated", default=max(i for i, _ in enumerate(reversed([1, 2, 3]))), type=int)
    parser.add_argument("--nested", default={"a": [1, (2, 3)], "b": {**PACKED}})
    parser.add_argument("--any", default=any(v > 1 for v in NAMES.values()) and all([1, "x"]))
    parser.parse_args()


if __name__ == "__main__":
    main()
