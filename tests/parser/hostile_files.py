"""Sources made to break a reader. The unreadable ones follow HEAD; the useless ones stand in a script that is whole."""

MANY = 100_000

UNREADABLE = {
    "as many statements as fit into a file": "x=1\n" * 250_000,
    "as many names as fit into a file": "x = [" + "a," * 500_000 + "]",
    "as many signs as fit into a file": "x = [" + "[]," * 300_000 + "]",
    "parentheses": "x = " + "(" * MANY,
    "parentheses that close": "x = " + "(" * MANY + ")" * MANY,
    "lists": "x = " + "[" * MANY + "]" * MANY,
    "brackets in strings": "x = " + "'(' + " * 200 + "(" * 150 + ")" * 150,
    "minus signs": "x = " + "-" * MANY + "1",
    "minus signs and spaces": "x = " + "- " * MANY + "1",
    "negations": "x = " + "not " * MANY + "1",
    "lambdas": "x = " + "lambda: " * MANY + "1",
    "powers": "x = " + "1 ** " * MANY + "1",
    "conditions": "x = " + "1 if 1 else " * MANY + "1",
    "elifs": "if a:\n pass\n" + "elif b:\n pass\n" * (MANY // 4),
    "sums": "x = " + "1 + " * MANY + "1",
    "attributes": "x = a" + ".b" * MANY,
    "calls": "x = f" + "()" * MANY,
    "subscripts": "x = f" + "[0]" * MANY,
    "f-strings": "x = " + 'f"{' * 60 + "1" + '}"' * 60,
    "comprehensions": "x = " + "[x for x in " * 150 + "y" + "]" * 150,
    "many f-strings": "x = " + 'f"{' * MANY + "1" + '}"' * MANY,
    "f-strings of both quotes": "x = " + "f'{f\"{" * (MANY // 2) + "1" + "}\"}'" * (MANY // 2),
    "many comprehensions": "x = " + "[x for x in " * (MANY // 2) + "y" + "]" * (MANY // 2),
    "complements": "x = " + "~" * MANY + "1",
    "all prefixes in turn": "x = " + "not -+~" * (MANY // 4) + "1",
    "dictionaries": "x = " + "{1:" * MANY + "}" * MANY,
    "indentation": "".join(" " * depth + "if x:\n" for depth in range(1200)) + " " * 1200 + "pass",
    "a NUL byte": "x = 1\0",
    "Python 2": "print 'hello'\n",
    "an unclosed string": "x = '''",
    "nothing but a backslash": "\\",
    "a huge number": "x = " + "1" * 500_000,
}
READABLE_BUT_USELESS = {
    "many arguments": "".join(f"parser.add_argument('--a{n}')\n" for n in range(20_000)),
    "one argument many times": "parser.add_argument('--a')\n" * 20_000,
    "many conditions": "".join(f"if u{n}:\n    parser.add_argument('--c{n}')\n" for n in range(5_000)),
    "nested conditions": "".join("    " * n + f"if u{n}:\n" for n in range(90))
    + "    " * 90
    + "parser.add_argument('--c')",
    "parents of parents": "p0 = argparse.ArgumentParser(add_help=False)\n"
    + "".join(f"p{n + 1} = argparse.ArgumentParser(add_help=False, parents=[p{n}])\n" for n in range(2_000)),
    "many subcommands": "s = parser.add_subparsers()\n"
    + "".join(f"s.add_parser('c{n}').add_argument('--x')\n" for n in range(5_000)),
    "many choices": "parser.add_argument('--a', choices=[" + ",".join(map(str, range(100_000))) + "])",
    "a help of percent signs": "parser.add_argument('--a', help='" + "%(" * 100_000 + "')",
    "many loops in one comprehension": "x = [a " + "for a in b " * (MANY // 2) + "]",
    "attributes within limits": "x = a" + ".b" * 2500,
    "minus signs within limits": "x = " + "-" * 150 + "1",
    "a chain of assignments": "x = " * MANY + "1",
    "comparisons": "x = " + "1 < " * MANY + "2",
    "and": "x = " + "1 and " * MANY + "2",
    "decorators": "@a\n" * 5000 + "def f(): pass",
    "an endless range": "for i in range(10 ** 12):\n    parser.add_argument('--x%d' % i)",
    "a large range": "x = list(range(10 ** 9)); y = sum(range(10 ** 12)); z = sorted(range(10 ** 15))",
    "a huge text": "x = 'a' * 10 ** 12; y = x + x; z = 'a' * 99999 * 99999",
    "a huge tower": "x = 10 ** 10 ** 10; y = 2 ** 10 ** 9; z = 1 << 10 ** 9",
    "doubling": "x = 'a'\n" + "x = x + x\n" * 100,
    "doubling a list": "x = [1]\n" + "x = x + x\n" * 100,
    "nested doubling": "x = [1]\n" + "x = [x] * 100\n" * 40 + "parser.add_argument('--a', default=x)",
    "a padded text": "x = '%999999999d' % 1; y = f'{1:999999999}'; z = '{:>999999999}'.format(1)",
    "a width from a value": "x = '%*d' % (999999999, 1); w = 999999999; y = f'{1:{w}}'; z = '{:{}}'.format(1, w)",
    "replacing": "x = ('a' * 90000).replace('a', 'b' * 90000); y = ('b' * 90000).join('a' * 90000)",
    "padding methods": "x = 'a'.ljust(10 ** 12); y = 'a'.zfill(10 ** 12); z = '\\t'.expandtabs(10 ** 12)",
    "bytes": "x = bytes(10 ** 12); y = bytearray(10 ** 12); z = (1).to_bytes(10 ** 9, 'big')",
    "a dictionary in itself": "d = {}\nd['d'] = d\nparser.add_argument('--a', default=d)\nx = d == d; y = str(d)",
    "a list in itself": "d = []\nd.append(d)\nparser.add_argument('--a', default=d, choices=d)\ny = sorted(d)",
    "recursion": "def f(n):\n    parser.add_argument('--a%d' % n)\n    return f(n + 1)\nf(0)",
    "mutual recursion": "def f(): g(); parser.parse_args\ndef g(): f(); f()\nf()",
    "branching recursion": "def f(n):\n" + "    f(n + 1)\n" * 50 + "    parser.add_argument('--x')\nf(0)",
    "many calls": "".join(f"def f{n}():\n    f{n + 1}(); f{n + 1}(); parser\n" for n in range(40))
    + "def f40(): parser.add_argument('--deep')\nf0()",
    "a class of itself": "class A(A): pass\nclass B: pass\nB.__bases__ = (B,)\nB().x.y.z()\nA()",
    "many bases": "".join(f"class B{n}: pass\n" for n in range(2000))
    + "class A("
    + ", ".join(f"B{n}" for n in range(2000))
    + "): pass\nA().x",
    "a long line of classes": "class A0: pass\n"
    + "".join(f"class A{n + 1}(A{n}): pass\n" for n in range(3000))
    + "A3000().x",
    "bases in another order": "class A: pass\nclass B(A): pass\nclass C(A, B): pass\nC().x\nC.__mro__",
    "a metaclass that calls itself": "class M(type):\n"
    "    def __new__(meta, name, bases, names):\n        return meta(name, bases, names)\n"
    "class A(metaclass=M): pass\nM('B', (A,), {})",
    "a subclass for each subclass": "class A:\n    def __init_subclass__(cls):\n"
    "        class B(cls): pass\n        class C(cls): pass\nclass D(A): pass",
    "keys that compare each other": "class K:\n    def __eq__(self, other):\n        return other == self\n"
    "d = {}\nfor n in range(200):\n    d[K()] = n\nparser.add_argument('--a', default=d.get(K()))",
    "objects sorted by themselves": "class K:\n    def __lt__(self, other):\n        return sorted([self, other])\n"
    "x = sorted([K() for n in range(200)])",
    "a value of ever more ways": "x = parser\n"
    + "".join(f"if u{n}:\n    x = x.add_argument_group('{n}')\n" for n in range(40))
    + "x.add_argument('--a')",
    "functions of ever more ways": "def f0(): return parser\n"
    + "".join(
        f"def f{n + 1}():\n    if u{n}:\n        return f{n}()\n    return f{n}().add_argument_group('a')\n"
        for n in range(15)
    )
    + "f15().add_argument('--a')",
    "a module that makes its names": "import run\ndef __getattr__(name):\n    return getattr(run, name + 'a')\nrun.b",
    "patterns that take long": "import re\np = re.compile('(a+)+' * 9 + '$')\np.sub('b', 'a' * 99999)\n"
    "re.compile('a' * 99999)\nre.compile('(')",
    "an endless loop": "while True:\n    pass",
    "a long loop": "i = 0\nwhile i < 10 ** 9:\n    i += 1",
    "a comprehension tower": "x = [a + b + c for a in range(9000) for b in range(9000) for c in range(9000)]",
    "a loop over itself": "x = [1]\nfor i in x:\n    x.append(i)",
    "star of itself": "x = [1]\nx = [*x, *x, *x]\n" * 30,
    "an import of itself": "import run\nfrom run import *\nfrom . import run\nrun.parser.add_argument('--again')",
    "special numbers": "parser.add_argument('--a', default=float('nan'))\nparser.add_argument('--b', default=1e400)\n"
    "parser.add_argument('--c', default=10 ** 300)\nparser.add_argument('--d', default=1j)",
    "a surrogate": "parser.add_argument('--a', default='\\ud800', help='\\udfff')",
    "help of itself": "parser.add_argument('--a', help='%(default)999999999d %(x)s %', default=1)",
    "an unknown everything": "parser.add_argument(*b, **a)\nparser.add_argument(*b)\nparser.add_argument(*[1])\n"
    "parser.add_argument()\nparser.add_argument(None)\nparser.add_argument('')\nparser.add_argument('-')",
    "wrong fields": "parser.add_argument('--a', nargs=[], type=[], choices=1, required='x', dest=1, action=1,"
    " default=..., help=1, metavar=1)\nparser.add_argument('--b', choices=1)\nparser.add_argument('--c', dest=1)",
    "unhashable keys": "x = {[]: 1, {}: 2}; y = {(1, []): 2}; z = {*[[]]}; x[[]] = 1; y[{}]; z.add([])",
    "slices": "x = [1, 2][::0]; y = 'a'[1:'b']; z = (1,)[10 ** 30]; range(10 ** 30)[::10 ** 20]",
    "formats": "x = '{0.__class__}'.format(1); y = '{'.format(); z = '%s %s' % 1; '%(a)s' % {}; f'{1!r:^{2}}'",
    "match": "match x:\n    case {'a': [1, *rest]}:\n        parser.add_argument('--m')\n    case _:\n        pass",
}
