"""Results made to break what writes them: each is written or refused in words, quickly, and nothing else is raised."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_templates.mlopen.mlopenapp._run.faults import AuthorFault, Fault
from ci_templates.mlopen.mlopenapp._run.figures import read_graphs
from ci_templates.mlopen.mlopenapp._run.markup import pieces
from ci_templates.mlopen.mlopenapp._run.predictions import read_predictions, to_csv, to_json
from ci_templates.mlopen.mlopenapp._run.report import write_report
from ci_templates.mlopen.mlopenapp._run.sanitise import clean

SECONDS = 2.0
"""Of the processor, for one result."""

MANY = 30_000
EXTREME = (1.7e308, -1.7e308, 5e-324, 10**400, "1e400", "９", True, None, [1], {"a": 1}, "<b>")
KINDS = ("pie", "heatmap", "box", "violin", "scatter", "bar", "histogram")


def written(preds: Any) -> str:
    """The report, when all files were made."""
    read = read_predictions(preds)
    json.loads(to_json(read))
    to_csv(read)
    return write_report(read, "title")


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<",
            "<a",
            "<a ",
            "<!",
            "</",
            "<?",
            "<![",
            "<!--",
            "<!-- -",
            "<![CDATA[",
            "<!DOCTYPE",
            "&",
            "&#",
            "\0<",
        ),
        *(
            "<svg>",
            "<svg><x>",
            "</svg>",
            "<script>",
            "<style></sty",
            "<textarea>",
            "<a b='",
            '<a b="',
            "<a = ",
        ),
        *("<a href=x", "<b>", "</b>", "<a b=c ", "<a/", "&#9"),
    ],
)
def test_html_is_reduced_in_a_time_that_grows_with_its_length(piece: str) -> None:
    began = time.process_time()
    for text in (piece * MANY, f"<svg>{piece * MANY}</svg>", f"<b>{piece * MANY}</b>"):
        assert set(re.findall(r"</?(\w*)", clean(text))) <= {"a", "b", "p"}
    assert time.process_time() - began < SECONDS


@given(st.text(alphabet="<>/!-?[]ab='\" &#;9x\n\0"))
def test_any_pile_of_marks_is_html_of_which_no_text_is_lost_that_browsers_show(text: str) -> None:
    found = "".join(piece.text for piece in pieces(text))
    assert "<" in text or found == html.unescape(text)
    assert set(re.findall(r"</?(\w*)", clean(text))) <= {"a", "b", "br", "p"}


def test_numbers_of_characters_that_python_cannot_read_are_no_character() -> None:
    number = f"&#{'9' * 5_000};"
    page = written(
        {"text": number, "graphs": [{"data": [{"type": "bar", "y": [1]}], "layout": {"title": number}}]}
    )
    # the text, the caption, and what is read out of the drawing
    assert page.count("\ufffd") == 3
    assert read_graphs(f'<div class="mlopen-graph" data-figure="{number}"></div>')[0].figure is None


@pytest.mark.parametrize(
    "call", ['Plotly.plot("a",["', "Plotly.plot(a,[[", "Plotly.plot(a,[1,", "Plotly.plot(a ,"]
)
def test_a_div_of_many_calls_that_lead_nowhere_is_given_up(call: str) -> None:
    began = time.process_time()
    assert read_graphs(call * MANY)[0].figure is None
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("place", ["cell", "column", "graph", "text of one"])
def test_a_number_that_python_cannot_write_is_refused_with_its_place(place: str) -> None:
    number = 10**5_000
    preds: dict[str, Any] = {
        "cell": {"data": [[number]]},
        "column": {"columns": [-number]},
        "graph": {"graphs": [{"data": [{"x": [number]}]}]},
        "text of one": {"data": [[{"a": [number]}]]},
    }
    with pytest.raises(AuthorFault, match=r"preds\['.*\] is a whole number of more than 4096 bits\."):
        written(preds[place])
    assert str(10**1_200) in written({"data": [[10**1_200]]})


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(
        AuthorFault, match=r"preds\['text'\] has 5000001 characters; a text has up to 5000000\."
    ):
        written({"text": "<" * 5_000_001})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", ["linear", "log"])
def test_no_value_anywhere_in_a_figure_breaks_its_drawing(kind: str, axis: str) -> None:
    layout = {"xaxis": {"type": axis}, "yaxis": {"type": axis}, "barmode": "stack"}
    keys = (
        "x",
        "y",
        "z",
        "labels",
        "values",
        "name",
        "mode",
        "orientation",
        "visible",
        "hole",
        "dtype",
        "bdata",
    )
    usual = {"type": kind, "x": [1, 2], "y": [3, 4], "z": [[1, 2], [3, 4]], "labels": ["a"], "values": [1]}
    for key in keys:
        for value in (*EXTREME, EXTREME[:3], [*EXTREME], [[*EXTREME]], {"bdata": "", "dtype": []}):
            trace = {**usual, key: value}
            assert "<h1>title</h1>" in written({"graphs": [{"data": [trace, trace], "layout": layout}]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_of_many_names_is_drawn_quickly_and_stays_small(kind: str) -> None:
    names = [f"name {number}" for number in range(20_000)]
    trace = {"type": kind, "x": names, "y": list(range(20_000)), "z": [[1] * 20_000] * 2}
    trace |= {"labels": names, "values": [1] * 20_000}
    began = time.process_time()
    page = written({"graphs": [{"data": [trace]}]})
    assert time.process_time() - began < SECONDS
    assert len(page) < 2_000_000


def test_slices_and_boxes_that_are_not_drawn_alone_are_counted() -> None:
    names = [f"n{number}" for number in range(1_000)]
    assert "801 smaller ones: 801 (80.1%)" in written(
        {"graphs": [{"data": [{"type": "pie", "labels": names, "values": [1] * 1_000}]}]}
    )
    assert "The first 100 of 1000 boxes" in written(
        {"graphs": [{"data": [{"type": "box", "x": names, "y": [1] * 1_000}]}]}
    )


def test_thirty_thousand_rows_are_written_quickly_and_the_page_stays_small() -> None:
    rows = [[number, number * 0.5, f"=text {number};=1", True, None] for number in range(30_000)]
    began = time.process_time()
    page = written({"data": rows})
    assert time.process_time() - began < SECONDS
    assert len(page) < 2_000_000


def test_values_that_hold_themselves_end() -> None:
    wide: list[Any] = []
    wide.extend([wide] * 1_000)
    deep: dict[str, Any] = {}
    deep["a"] = deep
    began = time.process_time()
    for preds in ({"data": wide}, {"data": [[wide]]}, {"data": [[deep]]}, {"graphs": [{"data": [deep]}]}):
        with pytest.raises(Fault, match="more than 12 deep"):
            written(preds)
    assert time.process_time() - began < SECONDS


def test_texts_that_lie_about_themselves_are_taken_at_their_letters() -> None:
    class Lying(str):
        def encode(self, *_: Any) -> Any:
            return self

        def decode(self, *_: Any) -> Any:
            return self

        def replace(self, *_: Any) -> Any:
            return "<script>"

        __str__ = __repr__ = __format__ = replace

    page = written({"data": [[Lying("<b>")]], "columns": [Lying("<i>")]})
    assert "<td>&lt;b&gt;</td>" in page
    assert '<th scope="col">&lt;i&gt;</th>' in page
