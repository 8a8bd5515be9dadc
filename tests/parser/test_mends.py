"""Mechanical mends: after the edits of a problem are made, the problem is gone, and nothing else has come."""

import pytest
from repositories import HEAD, PATHS, TAIL, codes, report

from parser.edits import apply, choose
from parser.examples import EXAMPLES, example_source
from parser.model import Report
from parser.read import read
from parser.source import Entry, Source, read_text

ROUNDS = 5


def mended(found: Report, source: Source) -> Source:
    """The source after all edits that can be made together."""
    contents = dict(source.contents)
    for path, content in source.contents.items():
        edits = [edit for one in choose(found.problems).now for edit in one.edits if edit.place.file == path]
        if edits:
            contents[path] = apply(read_text(content), edits).encode()
    return Source({path: Entry(path, "file") for path in contents}, contents)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("type='int'", "type=int"),
        ("action='store_tru'", 'action="store_true"'),
        ("help='5 % of it'", "help='5 %% of it'"),
        ("help='%(defalt)s'", "help='%%(defalt)s'"),
        ("help='%(default)s, 3%'", "help='%(default)s, 3%%'"),
        ("help=('a 1% b'\n    'c')", "help=('a 1%% b'\n    'c')"),
        ('help="""ü 1%\n"""', 'help="""ü 1%%\n"""'),
    ],
)
def test_a_mend_changes_what_is_wrong_and_nothing_else(written: str, wanted: str) -> None:
    script = HEAD + PATHS + "parser.add_argument('--x', {}, dest='y')" + TAIL
    files = {"run.py": script.replace("{}", written), "requirements.txt": ""}
    contents = {path: text.encode() for path, text in files.items()}
    before = Source({path: Entry(path, "file") for path in contents}, contents)
    found = read(before, "p")
    assert found.refused
    after = mended(found, before)
    assert after.contents["run.py"].decode() == script.replace("{}", wanted)
    assert not read(after, "p").refused


@pytest.mark.parametrize(
    "written", ["type='integer'", "action='run'", "help=f'5 % of {1}'", "**{'type': 'int'}"]
)
def test_where_a_person_has_to_decide_there_is_no_mend(written: str) -> None:
    found = report({"run.py": HEAD + PATHS + f"parser.add_argument('--x', {written})" + TAIL})
    assert found.refused
    assert [one.code for one in found.problems if one.edits] == []


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_every_mend_of_an_example_mends_it_and_comes_to_an_end(code: str) -> None:
    source = example_source(EXAMPLES[code], EXAMPLES[code].text)
    found = read(source, "p")
    errors = codes(found)
    for _ in range(ROUNDS):
        if not any(one.edits for one in found.problems):
            break
        mendable = {(one.code, one.message) for one in choose(found.problems).now}
        source = mended(found, source)
        found = read(source, "p")
        assert mendable - {(one.code, one.message) for one in found.problems if one.edits}, errors
    assert not any(one.edits for one in found.problems)
