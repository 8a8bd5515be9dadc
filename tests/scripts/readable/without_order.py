"""Sets: what they hold is known, and in which order Python goes through them is not."""

import argparse

NAMES = {"width", "depth"}
MORE = ["height"]
MORE.extend(NAMES)
TAKEN = set(NAMES)
ONE = TAKEN.pop()
APPENDED = list(NAMES)
APPENDED.append("height")
GATHERED = []
LAST = None
COUNT = 0
SEEN = set()
for name in NAMES:
    SEEN.add(name)
    GATHERED.append(name)
    if LAST is None:
        LAST = name
    COUNT += 1
    SAME = "same"


class Holder:
    first = None


for name in NAMES:
    if Holder.first is None:
        Holder.first = name


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--sorted", default=sorted(NAMES), choices=sorted(["x"] + list(NAMES)))
    parser.add_argument("--backwards", default=sorted([one for one in NAMES], reverse=True))
    parser.add_argument("--by-key", default=sorted(list(NAMES), key=lambda one: one[0]))
    parser.add_argument("--upper", default=sorted(one.upper() for one in NAMES | {"x"}))
    parser.add_argument("--how-many", type=int, default=len({one[0] for one in NAMES} | {*NAMES}))
    parser.add_argument("--greatest", default=max(NAMES), help="in order: %(default)s")
    parser.add_argument("--known", action="store_true", default=all(one in NAMES for one in NAMES))
    parser.add_argument("--held", action="store_true", default="depth" in list(NAMES))
    parser.add_argument("--single", default=list({"only"})[0])
    parser.add_argument("--same", default=SAME)
    parser.add_argument("--seen", default=sorted(SEEN))
    # From here on, nobody knows.
    parser.add_argument("--first", default=list(NAMES)[0])
    parser.add_argument("--next", default=next(iter(NAMES)))
    parser.add_argument("--popped", default=ONE)
    parser.add_argument("--left", default=sorted(TAKEN))
    parser.add_argument("--text", default=str(NAMES), help=f"one of {NAMES}")
    parser.add_argument("--inside", default="%s" % [NAMES])
    parser.add_argument("--formatted", default="{}".format(NAMES))
    parser.add_argument("--joined", default=",".join(NAMES))
    parser.add_argument("--listed", default=[one for one in NAMES])
    parser.add_argument("--spread", default=[*NAMES, "x"])
    parser.add_argument("--numbered", default=list(enumerate(NAMES)))
    parser.add_argument("--mapped", default=list(map(str.upper, NAMES)))
    parser.add_argument("--keyed", default=list(dict.fromkeys(NAMES)))
    parser.add_argument("--as-dict", default={one: 1 for one in NAMES})
    parser.add_argument("--tie", default=max(NAMES, key=len))
    parser.add_argument("--as-long", default=sorted(NAMES, key=len))
    parser.add_argument("--extended", default=MORE)
    parser.add_argument("--appended", default=sorted(APPENDED))
    parser.add_argument("--gathered", default=GATHERED)
    parser.add_argument("--last", default=LAST)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--name", default=name)
    parser.add_argument("--attribute", default=Holder.first)
    parser.parse_args()


if __name__ == "__main__":
    main()
