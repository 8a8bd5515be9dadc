"""What a pipeline gives, and what becomes of it: typed JSON, a table that no spreadsheet runs, errors with a place."""

from __future__ import annotations

import array
import csv
import datetime
import decimal
import html.parser
import io
import json
import math
import re
from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_templates.mlopen.mlopenapp._run.faults import AuthorFault
from ci_templates.mlopen.mlopenapp._run.predictions import read_predictions, to_csv, to_json
from ci_templates.mlopen.mlopenapp._run.report import write_report
from ci_templates.mlopen.mlopenapp._run.sanitise import KEPT, clean
from ci_templates.mlopen.mlopenapp.utils import data_handler, plotter
from tests.domain.hostile import ANY_TEXT

MARKUP = st.lists(
    st.sampled_from(
        [
            *("<script>", "</script>", "<b>", "</b>", "<p", " onclick=alert(1)", ">", "<svg>", "<math><mi>"),
            *("<a href='javascript:alert(1)'>", "<a href=https://a.example/x>", "<style>", "<title>", "<!--"),
            *("<img src=https://evil.example/x.png>", "<img src='data:image/png;base64,AA=='>", "-->", "</"),
            *(
                "<![CDATA[",
                "]]>",
                "<textarea>",
                "</textarea>",
                "&lt;script&gt;",
                "<?php",
                "<!DOCTYPE x>",
                "<",
            ),
            *("<table><tr><td colspan=9>", "<iframe srcdoc='<script>'>", "\"'`=", "\0", "x", "\n\n"),
        ]
    ),
    max_size=12,
).map("".join)
CELLS = st.one_of(
    ANY_TEXT,
    MARKUP,
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates(),
    st.lists(st.integers()),
)
PREDS = st.integers(1, 4).flatmap(
    lambda width: st.fixed_dictionaries(
        {},
        optional={
            "data": st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=5),
            "columns": st.lists(ANY_TEXT | MARKUP, min_size=width, max_size=width),
            "text": ANY_TEXT | MARKUP,
            "graphs": st.lists(
                MARKUP | MARKUP.map(lambda text: plotter.pie_plot_from_lists([text], [1], text))
            ),
        },
    )
)


class Tags(html.parser.HTMLParser):
    """All elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


class Tensor:
    """What arrays and tensors have in common."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def tolist(self) -> Any:
        return self.values


def refused(preds: Any) -> str:
    with pytest.raises(AuthorFault) as fault:
        read_predictions(preds)
    return str(fault.value)


def test_rows_have_types_and_json_knows_all_of_them() -> None:
    row = namedtuple("row", "a b")
    preds = read_predictions(
        {
            "data": ([1, 0.5, True, "x", None], (*row(2, math.nan), False, 3, None)),
            "columns": ("n", "x", "yes", "any", "nothing"),
        }
    )
    document = json.loads(to_json(preds), parse_constant=lambda word: pytest.fail(word))
    assert document["table"] == {
        "columns": [
            {"name": "n", "type": "integer"},
            {"name": "x", "type": "number"},
            {"name": "yes", "type": "boolean"},
            {"name": "any", "type": "mixed"},
            {"name": "nothing", "type": "empty"},
        ],
        "rows": [[1, 0.5, True, "x", None], [2, "NaN", False, 3, None]],
    }
    assert to_csv(preds) == "n,x,yes,any,nothing\r\n1,0.5,true,x,\r\n2,NaN,false,3,\r\n"


def test_the_columns_of_a_data_frame_keep_their_types() -> None:
    class NAType:
        """As pandas has it."""

    class Frame:
        columns = Tensor(["n", "x"])

        def itertuples(self, index: bool, name: None) -> Any:
            assert (index, name) == (False, None)
            return iter([(1, 0.5), (NAType(), 2.5)])

        def to_numpy(self) -> Any:
            return Tensor([[1.0, 0.5], [math.nan, 2.5]])

    preds = read_predictions({"data": Frame()})
    assert (preds.columns, preds.rows, preds.types) == (
        ["n", "x"],
        [[1, 0.5], [None, 2.5]],
        ["integer", "number"],
    )


def test_a_date_that_is_missing_is_no_value() -> None:
    class NaT(datetime.datetime):
        def __eq__(self, other: object) -> bool:
            return False

        __hash__ = None

    assert read_predictions({"data": [[NaT(2024, 1, 1)]]}).rows == [[None]]


def test_arrays_dates_and_other_values_of_libraries_are_read_by_what_they_are() -> None:
    preds = read_predictions(
        {
            "data": Tensor([[Tensor(1), datetime.date(2024, 2, 3), decimal.Decimal("1.50"), Tensor([1, 2])]]),
            "columns": Tensor(["a", "b", "c", "d"]),
        }
    )
    assert preds.rows == [[1, "2024-02-03", "1.50", "[1, 2]"]]
    assert read_predictions({"data": [array.array("i", [1, 2])]}).columns == ["column 1", "column 2"]
    assert data_handler.list_to_js_obj(["a"]) == [{"name": "a"}]


@pytest.mark.parametrize(
    ("preds", "words"),
    [
        (None, "run_pipeline gives None. It gives a dictionary with any of the keys data, columns,"),
        ([], "run_pipeline gives a list."),
        ({"data": "text"}, "preds['data'] is a str. It is a list of rows"),
        ({"data": [[1], "two"]}, "preds['data'][1] is a str. A row is a list of cells"),
        ({"data": [3]}, "preds['data'][0] is an int."),
        ({"data": [[object()]]}, "preds['data'][0][0] is an object, which has no place in a result."),
        ({"data": [[10**5000]]}, "preds['data'][0][0] is a whole number of more than 4096 bits. Use a float"),
        ({"data": [[b"x"]]}, "preds['data'][0][0] is a bytes"),
        ({"data": [[1, 2], [3]]}, "preds['data'][1] has 1 cells, and another row has 2."),
        ({"data": [[1, 2]], "columns": ["a"]}, "preds['data'][0] has 2 cells, and preds['columns'] names 1."),
        ({"columns": "abc"}, "preds['columns'] is a str. It is a list of names."),
        ({"columns": [None]}, "preds['columns'][0] is None. It is a name"),
        ({"text": ["a"]}, "preds['text'] is a list. It is one text"),
        ({"graphs": 3}, "preds['graphs'][0] is an int. A graph is an HTML div"),
        ({"graphs": [{"layout": {}}]}, "preds['graphs'][0] is a dict. A graph is"),
        ({"graphs": [{"data": [3]}]}, "preds['graphs'][0]['data'] is a list. It is a list of traces"),
        ({"graphs": [{"data": [], "layout": 3}]}, "preds['graphs'][0]['layout'] is an int."),
        ({"graphs": ["x"] * 101}, "preds['graphs'] has 101 graphs; a result has up to 100."),
    ],
)
def test_a_wrong_type_is_told_with_its_place(preds: Any, words: str) -> None:
    assert words in refused(preds)


def test_a_large_table_is_cut_in_the_page_and_says_so() -> None:
    long = write_report(read_predictions({"data": [[n] for n in range(6_000)]}), "t")
    assert "The first 5000 of 6000 rows; all are in preds.csv" in long
    assert long.count("<tr>") == 5_001
    wide = write_report(read_predictions({"data": [[0] * 2_000] * 300}), "t")
    assert "The first 100 of 300 rows; all are in preds.csv" in wide
    assert "<caption>1 row</caption>" in write_report(read_predictions({"data": [["x" * 2_001]]}), "t")


def test_missing_keys_are_fine_and_unknown_ones_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    preds = read_predictions({"imgs": [1], "graphs": None, "data": None})
    assert (preds.columns, preds.rows, preds.graphs, preds.text) == ([], [], [], "")
    assert "preds['imgs']: left out" in capsys.readouterr().err
    assert to_csv(preds) == ""


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "|calc", "＝1", "-x", "\ufeff=1", "\u200b=1", '"=1']
)
def test_no_text_is_a_formula(text: str) -> None:
    preds = read_predictions({"data": [[text]], "columns": [text]})
    rows = list(csv.reader(io.StringIO(to_csv(preds), newline="")))
    assert rows == [[f"'{text}"], [f"'{text}"]]


@pytest.mark.parametrize("mark", [";", "\t", "\r", "\n", ";;", ';"'])
def test_no_part_of_a_text_is_a_formula_where_cells_are_parted_otherwise(mark: str) -> None:
    preds = read_predictions({"data": [[f"a{mark}=1", f"{mark}+x", "b;-2"]]})
    (_, *lines) = to_csv(preds).splitlines()
    parts = re.split(r"[;\t,]", ",".join(lines))
    assert [part for part in parts if part.strip('" ')[:1] in ("=", "+")] == []
    assert "b;-2" in to_csv(preds)


def test_numbers_stay_numbers_in_a_spreadsheet() -> None:
    preds = read_predictions({"data": [[-1, -1.5, "-2e-3", "+4", math.inf, -math.inf]]})
    assert to_csv(preds).splitlines()[1] == "-1,-1.5,-2e-3,+4,Infinity,-Infinity"


@given(PREDS)
def test_whatever_is_given_the_files_are_whole_and_harmless(preds: dict[str, Any]) -> None:
    read = read_predictions(preds)
    document = json.loads(to_json(read), parse_constant=lambda word: pytest.fail(word))
    assert len(document["table"]["rows"]) == len(preds.get("data", []))
    rows = list(csv.reader(io.StringIO(to_csv(read), newline="")))
    for row in rows:
        for cell in row:
            assert cell.strip()[:1] not in {"=", "@", "|"}, cell
    assert len(rows) == (len(read.rows) + 1 if read.columns else 0)
    page = write_report(read, "title")
    tags = Tags(page).found
    # the one script, and the one style, are ours; nothing loads, and nothing listens
    assert [tag for tag, _ in tags].count("script") == 1
    assert [tag for tag, _ in tags].count("style") == 1
    assert not {tag for tag, _ in tags} & {"iframe", "object", "embed", "link", "base", "form", "input"}
    for _, attributes in tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")]
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert (attributes.get("href") or "https://").startswith(("http://", "https://", "mailto:"))


@given(MARKUP | ANY_TEXT)
def test_what_is_clean_stays_as_it_is_and_holds_known_elements_only(text: str) -> None:
    once = clean(text)
    within = f"<div>{once}</div>"
    assert clean(within) == within
    assert {tag for tag, _ in Tags(once).found} <= KEPT


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("two\nlines\n\nmore", "<p>two<br>lines</p><p>more</p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("loss < 1\nacc &gt; 2\n\n&lt;b&gt;", "<p>loss &lt; 1<br>acc &gt; 2</p><p>&lt;b&gt;</p>"),
        ("a &lt; b<!-- c -->", "a &lt; b"),
        ("<p>one<b>two</p>three", "<p>one<b>two</b></p>three"),
        ("<script>alert('<b>')</script>after", "after"),
        ("<svg><script>x</script></svg>after", "after"),
        ("<h1 class=x onclick=y style=z>T</h1>", "<h1>T</h1>"),
        (
            '<a href=" https://a.example/?a=1&b=2">x</a>',
            '<a href="https://a.example/?a=1&amp;b=2" rel="noopener noreferrer">x</a>',
        ),
        ('<a href="java&#115;cript:alert(1)">x</a>', "<a>x</a>"),
        ("<img src=//evil.example/x.png alt=hill>", '<img alt="hill">'),
        ("<td colspan=2 rowspan=x>", '<td colspan="2"></td>'),
    ],
)
def test_html_is_kept_as_far_as_it_is_harmless(text: str, wanted: str) -> None:
    assert clean(text) == wanted
