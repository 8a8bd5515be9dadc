"""What builtins and itertools make of known items, and how containers are changed in place."""

import argparse
import itertools

NAMES = ["beta", "alpha", "gamma"]
TABLE = {"x": 1}
SAME = TABLE
SAME |= {"y": 2}
JOINED = {"first": len} | {"second": max}
LIST = [1, 2, 3, 4, 5, 6]
LIST[1:3] = [7]
LIST[-1:] = "ab"
del LIST[0]
WITHOUT = {"a": 1, "b": 2, "c": [3]}
del WITHOUT["a"]
SHORT = list(range(6))
del SHORT[::2]
MEMBERS = {1, 2, 3}
OTHERS = MEMBERS
OTHERS -= {1}
OTHERS &= {2}


def main():
    parser = argparse.ArgumentParser()
    for left, right in itertools.product(("in", "out"), ("width", "depth")):
        parser.add_argument(f"--{left}-{right}", type=int)
    for one in itertools.chain(NAMES[:1], ["delta"]):
        parser.add_argument(f"--chained-{one}")
    for name, size in zip(NAMES, (1, 2, 3), strict=True):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--table", default=TABLE)
    parser.add_argument("--joined", default=JOINED["first"]("abc"), help=", ".join(JOINED))
    parser.add_argument("--list", default=LIST)
    parser.add_argument("--without", default=WITHOUT, choices=list(WITHOUT))
    parser.add_argument("--short", default=SHORT)
    parser.add_argument("--members", type=int, default=sum(MEMBERS))
    parser.add_argument("--zero", default=dict.fromkeys(NAMES, 0))
    parser.add_argument("--none", default=dict.fromkeys("ab"))
    parser.add_argument("--longest", default=max(NAMES, key=len))
    parser.add_argument("--last", default=max(NAMES, key=lambda one: one[-1]))
    parser.add_argument("--least", default=min("b", "A", key=str.lower))
    parser.add_argument("--nothing", default=min([], key=len, default="none"))
    parser.add_argument("--written", default=format(3.14159, ".2f") + format(7) + format("x", ">3"))
    parser.add_argument("--lower", type=str.lower, default="ADAM")
    parser.add_argument("--strip", type=str.strip, default=" a ")
    parser.add_argument("--letters", type=list, default="abc")
    parser.add_argument("--length", type=len, default="abc")
    parser.add_argument("--upper", default=list(map(str.upper, NAMES)))
    parser.add_argument("--twice", default=list(itertools.product("ab", repeat=2)))
    parser.add_argument("--orders", default=[" ".join(one) for one in itertools.permutations("abc", 2)])
    parser.add_argument("--pairs", default=list(itertools.combinations(NAMES, 2)))
    parser.add_argument("--again", default=list(itertools.combinations_with_replacement("ab", 2)))
    parser.add_argument("--some", default=list(itertools.islice(NAMES, 1, None)))
    parser.add_argument("--repeated", default=list(itertools.repeat(0, 3)))
    parser.add_argument("--filled", default=list(itertools.zip_longest("abc", [1], fillvalue=0)))
    parser.add_argument("--steps", default=list(itertools.pairwise(range(4))))
    parser.add_argument("--sums", default=list(itertools.accumulate([1, 2, 3])))
    parser.add_argument("--powers", default=list(itertools.starmap(pow, [(2, 3), (3, 2)])))
    parser.add_argument("--kept", default=list(itertools.compress(NAMES, [1, 0, 1])))
    parser.parse_args()


if __name__ == "__main__":
    main()
