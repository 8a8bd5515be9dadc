"""Graphs: figures out of what Plotly writes, and the drawings of them."""

from __future__ import annotations

import base64
import json
import math
import struct
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_templates.mlopen.mlopenapp._run.drawing import draw
from ci_templates.mlopen.mlopenapp._run.faults import AuthorFault
from ci_templates.mlopen.mlopenapp._run.figures import read_graphs
from ci_templates.mlopen.mlopenapp._run.predictions import read_predictions, to_json
from ci_templates.mlopen.mlopenapp._run.report import write_report
from ci_templates.mlopen.mlopenapp._run.scales import seconds_of
from ci_templates.mlopen.mlopenapp._run.tables import write_tables
from ci_templates.mlopen.mlopenapp.utils import plotter
from tests.domain.hostile import ANY_TEXT

NUMBERS = st.floats() | st.integers(-(10**30), 10**30) | st.sampled_from([1e308, -1e308, 5e-324, 0.1, -0.0])
VALUES = st.lists(NUMBERS | ANY_TEXT | st.none() | st.booleans(), max_size=12)
TRACES = st.fixed_dictionaries(
    {"type": st.sampled_from(["pie", "scatter", "bar", "histogram", "heatmap", "box", "scatter3d"])},
    optional={
        "x": VALUES,
        "y": VALUES,
        "z": st.lists(VALUES, max_size=4),
        "labels": VALUES,
        "values": VALUES,
        "name": ANY_TEXT,
        "mode": st.sampled_from(["lines", "markers", "lines+markers", "text", ""]),
        "orientation": st.sampled_from(["h", "v"]),
        "hole": NUMBERS,
    },
)


def plotly_div(figure: dict[str, Any]) -> str:
    """As plotly.offline.plot(…, output_type="div") writes it (plotly 5 to 7)."""
    data, layout = (json.dumps(figure[key]).replace("<", "\\u003c") for key in ("data", "layout"))
    name = "3ee3d3e8-2a6e-4c6b-a26e-58d6fbd0ff27"
    return (
        f'<div>                            <div id="{name}" class="plotly-graph-div" style="height:100%; width:100%;">'
        '</div>            <script type="text/javascript">                window.PLOTLYENV=window.PLOTLYENV || {};'
        f'                                if (document.getElementById("{name}")) {{                    Plotly.newPlot('
        f'                        "{name}",                        {data},                        {layout},'
        '                        {"responsive": true}                    )                };            </script>'
        "        </div>"
    )


def drawn(trace: dict[str, Any], **layout: Any) -> ElementTree.Element:
    (picture,) = pictures([trace], **layout)
    return picture


def pictures(traces: list[dict[str, Any]], **layout: Any) -> list[ElementTree.Element]:
    drawing = draw({"data": traces, "layout": layout})
    assert drawing.left == []
    return [ElementTree.fromstring(text) for text in drawing.pictures]  # noqa: S314 - of our own making


def texts(picture: ElementTree.Element) -> list[str]:
    return [part.text or "" for part in picture.iter("text")]


def test_the_figure_comes_out_of_plotlys_div_and_its_script_does_not() -> None:
    numbers = base64.b64encode(struct.pack("<3d", 1, 2.5, math.inf)).decode()
    shaped = base64.b64encode(bytes([1, 2, 3, 4])).decode()
    trace = {
        "type": "scatter",
        "x": {"dtype": "f8", "bdata": numbers},
        "y": {"dtype": "i1", "bdata": shaped, "shape": "2, 2"},
        "text": "</script><b>",
    }
    layout = {"template": {"data": {}}, "title": {"text": "Loss"}}
    div = plotly_div({"data": [trace], "layout": layout})
    (graph,) = read_graphs(div)
    assert graph.as_dict() == {
        "kind": "plotly",
        "data": [
            {"type": "scatter", "x": [1.0, 2.5, "Infinity"], "y": [[1, 2], [3, 4]], "text": "</script><b>"}
        ],
        "layout": {"title": {"text": "Loss"}},
    }
    # plotly.js itself may stand before it, with calls of its own
    whole = "<script>function f(){return Plotly.newPlot(e,[t],n)};Plotly.react(a, b.data, {})</script>" + div
    assert read_graphs([whole])[0].as_dict() == graph.as_dict()


def test_a_figure_of_plotly_is_asked_for_its_json() -> None:
    class Figure:
        def to_json(self) -> str:
            return '{"data": [{"type": "bar", "y": [1]}], "layout": {}}'

    assert read_graphs(Figure())[0].as_dict()["data"] == [{"type": "bar", "y": [1]}]


def test_the_json_of_a_figure_is_a_figure_and_other_json_is_shown() -> None:
    (graph,) = read_graphs(' {"data": [{"type": "bar", "y": [1]}], "layout": {"title": "T"}}\n')
    assert graph.as_dict() == {
        "kind": "plotly",
        "data": [{"type": "bar", "y": [1]}],
        "layout": {"title": "T"},
    }
    for other in ('{"a": 1}', '{"data": 3}', '{"data": [', "{}"):
        assert read_graphs(other)[0].as_dict()["kind"] == "html"


def test_whatever_compares_itself_with_a_text_is_told_to_be_no_graph() -> None:
    class Array:
        def __eq__(self, other: object) -> Any:
            raise ValueError("the truth of an array is not known")

        __hash__ = None

    for graphs in (Array(), [Array()]):
        with pytest.raises(AuthorFault, match=r"is an Array\. A graph is an HTML div"):
            read_graphs(graphs)


def test_a_div_of_something_else_is_kept_as_harmless_html() -> None:
    (graph,) = read_graphs("<div onclick=x><b>Map</b><script>alert(1)</script></div>")
    assert graph.as_dict() == {"kind": "html", "html": "<div><b>Map</b></div>"}
    for broken in ("Plotly.newPlot('x', [1,", "Plotly.newPlot('x', {}, {})", "Plotly.newPlot("):
        assert read_graphs(f"<p>{broken}</p>")[0].as_dict()["kind"] == "html"


def test_the_helpers_make_what_is_read_again() -> None:
    figures = read_graphs(
        [
            plotter.pie_plot_from_lists(labels=["a", '"b"</div>'], values=[1, 2], title="T & t"),
            plotter.scatter_plot_from_lists(x=[1], y=[2], title="S"),
            plotter.plotlify_pie_js({"a": 1}, "P"),
            plotter.plotlify_scatter_js({1: 10, 2: 20}, xtag="x", description="D"),
        ]
    )
    found = [figure.as_dict() for figure in figures]
    assert [one["kind"] for one in found] == ["plotly"] * 4
    assert [one["layout"]["title"]["text"] for one in found] == ["T & t", "S", "P", "D"]
    assert found[0]["data"][0]["labels"] == ["a", '"b"</div>']
    assert (found[3]["data"][0]["x"], found[3]["data"][0]["y"]) == ([10, 20], [1, 2])
    assert found[3]["layout"]["xaxis"] == {"title": {"text": "x"}}


def test_a_pie_has_a_slice_for_each_label_and_says_its_share() -> None:
    picture = drawn({"type": "pie", "labels": ["a", "b", "a"], "values": [1, 2, 1]}, title="T")
    assert texts(picture) == ["a: 2 (50.0%)", "b: 2 (50.0%)"]
    assert len(picture.findall("path")) == 2
    assert picture.get("aria-label") == "T. A pie: a: 2 (50.0%), b: 2 (50.0%)"
    words = drawn({"type": "pie", "labels": ["<pad>", "<unk>", "<b>a</b>"], "values": [1, 1, 2]})
    assert texts(words) == ["<pad>: 1 (25.0%)", "<unk>: 1 (25.0%)", "a: 2 (50.0%)"]
    assert len(drawn({"type": "pie", "labels": ["a"], "values": [1]}).findall("circle")) == 1


def test_points_lie_where_they_belong() -> None:
    circles = drawn({"type": "scatter", "mode": "markers", "x": [0, 5, 10], "y": [2, 1, 3]}).findall("circle")
    xs, ys = ([float(one.get(side) or "") for one in circles] for side in ("cx", "cy"))
    assert xs[1] == pytest.approx((xs[0] + xs[2]) / 2, abs=0.2)
    assert ys[1] > ys[0] > ys[2]
    line = drawn({"x": [1, 2, 3], "y": [1, None, 3], "mode": "lines"})
    assert line.findall("polyline") == []
    assert len(drawn({"x": [1, 2], "y": [1, 3], "mode": "lines"}).findall("polyline")) == 1


def test_bars_stand_on_zero_and_lie_if_they_shall() -> None:
    bars = drawn({"type": "bar", "x": ["a", "b"], "y": [2, -1]}).findall("rect")
    tops = [float(bar.get("y") or "") for bar in bars]
    heights = [float(bar.get("height") or "") for bar in bars]
    assert tops[0] + heights[0] == pytest.approx(tops[1], abs=0.2)
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.4)
    lying = drawn({"type": "bar", "orientation": "h", "x": [2, 4], "y": ["a", "b"]}).findall("rect")
    wide = [float(bar.get("width") or "") for bar in lying]
    assert wide[1] == pytest.approx(2 * wide[0], abs=0.4)
    counted = drawn({"type": "histogram", "x": ["a", "b", "a"]}).findall("rect")
    assert float(counted[0].get("height") or "") == pytest.approx(
        2 * float(counted[1].get("height") or ""), abs=0.4
    )
    assert len(drawn({"type": "heatmap", "z": [[1, 2], [3, None]]}).findall("rect")) == 3


def test_stacked_bars_begin_where_those_before_them_end() -> None:
    traces = [{"type": "bar", "x": ["a"], "y": [1]}, {"type": "bar", "x": ["a"], "y": [3]}]
    (stacked,) = pictures(traces, barmode="stack")
    one, other = stacked.findall("rect")[:2]
    sides = [{side: float(bar.get(side) or "") for side in ("x", "y", "height")} for bar in (one, other)]
    assert sides[0]["x"] == sides[1]["x"]
    assert sides[1]["y"] + sides[1]["height"] == pytest.approx(sides[0]["y"], abs=0.2)
    assert sides[1]["height"] == pytest.approx(3 * sides[0]["height"], abs=0.6)
    (overlaid,) = pictures(traces, barmode="overlay")
    bottoms = {
        round(float(bar.get("y") or "") + float(bar.get("height") or ""), 0)
        for bar in overlaid.findall("rect")[:2]
    }
    assert len(bottoms) == 1


def test_an_axis_of_powers_has_equal_steps_for_equal_factors() -> None:
    trace = {"mode": "markers", "x": [1, 2, 3], "y": [1, 100, 10000]}
    picture = drawn(trace, yaxis={"type": "log"})
    ys = [float(one.get("cy") or "") for one in picture.findall("circle")]
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert {"1", "100", "10000"} <= set(texts(picture))
    # what is not above zero has no place there
    assert len(drawn({"mode": "markers", "y": [0, -1, 5]}, yaxis={"type": "log"}).findall("circle")) == 1


def test_a_box_holds_the_middle_half_and_shows_what_lies_apart() -> None:
    picture = drawn({"type": "box", "y": [1, 2, 3, 4, 5, 100], "name": "sizes"})
    assert len(picture.findall("rect")) == 1
    assert len(picture.findall("circle")) == 1
    assert picture.get("aria-label") == "Boxes: sizes: 6 numbers from 1 to 100, half of them below 3.5"
    apart = drawn({"type": "violin", "x": ["a", "b", "a", "b"], "y": [1, 2, 3, 4]})
    assert len(apart.findall("rect")) == 2


def test_each_graph_of_a_figure_is_a_picture_of_its_own() -> None:
    pies = [{"type": "pie", "labels": [name], "values": [1], "title": {"text": name}} for name in ("a", "b")]
    assert [one.get("aria-label") for one in pictures(pies, title="T")] == [
        "a. A pie: a: 1 (100.0%)",
        "b. A pie: b: 1 (100.0%)",
    ]
    maps = [{"type": "heatmap", "z": [[1]], "name": name} for name in ("a", "b")]
    assert len(pictures(maps)) == 2
    beside = [{"y": [1, 2], "xaxis": "x", "yaxis": "y"}, {"y": [900, 1000], "xaxis": "x2", "yaxis": "y2"}]
    one, other = pictures(beside, xaxis={"title": "left"}, xaxis2={"title": "right"})
    assert ("left" in texts(one), "right" in texts(other)) == (True, True)
    # the small numbers have an axis of their own
    assert {"1", "2"} <= set(texts(one))
    mixed = pictures([{"type": "heatmap", "z": [[1]]}, {"mode": "markers", "x": [0], "y": [0]}])
    assert [len(one.findall("circle")) for one in mixed] == [0, 1]


def test_no_part_of_a_figure_is_left_out_in_silence() -> None:
    traces: list[dict[str, Any]] = [
        {"type": "scatter3d", "z": [1]},
        {"y": [1]},
        {"type": "pie", "values": []},
    ]
    page = write_report(read_predictions({"graphs": {"data": traces}}), "t")
    assert page.count("<svg") == 1
    assert "There is no drawing of pie, scatter3d here." in page
    many = [{"type": "heatmap", "z": [[1]]}] * 41
    page = write_report(read_predictions({"graphs": {"data": many}}), "t")
    assert page.count("<svg") == 40
    assert "There is no drawing of heatmap here." in page
    notes = [{"text": "<b>First</b>", "xref": "paper"}, {"text": "at a point", "xref": "x"}]
    page = write_report(
        read_predictions({"graphs": {"data": [{"y": [1]}], "layout": {"annotations": notes}}}), "t"
    )
    assert "<p>First</p>" in page
    page = write_report(
        read_predictions({"graphs": {"data": [{"type": "sunburst", "labels": ["<a>"], "values": [2.5]}]}}),
        "t",
    )
    assert "<summary>sunburst: 1 row</summary>" in page
    assert "<td>&lt;a&gt;</td><td>2.5</td>" in page
    for html in (
        "<div id=chart><script>draw()</script></div>",
        "<iframe srcdoc='<b>map</b>'></iframe>",
        "<svg></svg>",
    ):
        page = write_report(read_predictions({"graphs": [html, "<p>words</p>"]}), "t")
        assert page.count("nothing is left of this graph") == 1, html
    picture = '<img alt="" src="data:image/png;base64,AAAA">'
    assert picture in write_report(read_predictions({"graphs": f"<div>{picture}</div>"}), "t")
    assert "nothing is left" not in write_report(read_predictions({"graphs": f"<div>{picture}</div>"}), "t")
    hidden = draw({"data": [{"y": [1], "visible": "legendonly"}, {"y": [1]}], "layout": {}})
    assert (len(hidden.pictures), hidden.left) == (1, [])


def test_dates_lie_as_far_apart_as_they_are_and_in_their_order() -> None:
    traces = [
        {"mode": "markers", "x": ["2024-01-01", "2024-03-01T00:00:00.000000000"], "y": [1, 3]},
        {"mode": "markers", "x": ["2024-01-31 00:00"], "y": [2]},
    ]
    (picture,) = pictures(traces)
    first, last, between = (float(one.get("cx") or "") for one in picture.findall("circle"))
    assert (between - first) / (last - first) == pytest.approx(0.5, abs=0.01)
    assert "2024-01-10" in texts(picture)
    assert (
        seconds_of("2024-01-01T01:00:00+01:00") == seconds_of("2024-01-01") == seconds_of("2024-01-01 00:00Z")
    )
    assert [seconds_of(text) for text in ("2024-13-01", "2024", "1 2024-01-01", "soon")] == [None] * 4
    hours = drawn({"x": ["2024-01-01 10:00", "2024-01-01 11:00:00.5"], "y": [1, 2]})
    assert any(text.startswith("10:") for text in texts(hours))


def test_a_histogram_shows_what_it_says_of_its_bins() -> None:
    def heights(**more: Any) -> list[float]:
        trace = {"type": "histogram", "x": ["a", "b", "a"], "y": [1, 2, 3], **more}
        return [float(bar.get("height") or "") for bar in drawn(trace).findall("rect")]

    for how, share in (("count", 2), ("sum", 2), ("avg", 1), ("max", 1.5), ("min", 0.5)):
        one, other = heights(histfunc=how)
        assert one == pytest.approx(share * other, abs=0.6), how
    lying = drawn({"type": "histogram", "orientation": "h", "histfunc": "sum", "y": ["a", "b"], "x": [4, 2]})
    one, other = (float(bar.get("width") or "") for bar in lying.findall("rect"))
    assert one == pytest.approx(2 * other, abs=0.6)


@pytest.mark.parametrize(
    ("trace", "columns"),
    [
        ({"type": "indicator", "value": 3}, {"value": [3]}),
        (
            {"type": "candlestick", "x": ["a"], "open": [1], "marker": {"values": [1]}},
            {"x": ["a"], "open": [1]},
        ),
        (
            {"type": "table", "header": {"values": ["a", "b"]}, "cells": {"values": [[1, 2], [3]]}},
            {"header": ["a", "b"], "cells 1": [1, 2], "cells 2": [3]},
        ),
        ({"type": "parcoords", "dimensions": [{"label": "size", "values": [1]}, {}]}, {"size": [1]}),
        ({"type": "contour", "z": [[1, 2], [3, 4]]}, {"z 1": [1, 2], "z 2": [3, 4]}),
        (
            {"type": "bar", "x": [1000], "y": ["a"], "base": ["2024-01-01"]},
            {"x": [1000], "y": ["a"], "base": ["2024-01-01"]},
        ),
    ],
)
def test_a_graph_that_is_not_drawn_has_its_figures_in_the_page(
    trace: dict[str, Any], columns: dict[str, list[Any]]
) -> None:
    drawing = draw({"data": [trace], "layout": {}})
    assert (drawing.pictures, drawing.left) == ([], [trace])
    table = ElementTree.fromstring(write_tables(drawing.left))  # noqa: S314 - of our own making
    assert [head.text for head in table.iter("th")] == list(columns)
    rows = [[cell.text or "" for cell in row.iter("td")] for row in table.iter("tr")][1:]
    longest = max(map(len, columns.values()))
    wanted = [[str(some[n]) if n < len(some) else "" for some in columns.values()] for n in range(longest)]
    assert rows == wanted


def test_lines_and_bars_begin_where_the_figure_says() -> None:
    traces = [{"mode": "markers", "stackgroup": "1", "x": [1, 2], "y": [1, 1]} for _ in range(2)]
    (picture,) = pictures(traces)
    heights = [one.get("cy") for one in picture.findall("circle")]
    assert (heights[0], heights[2]) == (heights[1], heights[3])
    assert picture.findall("circle")[0].get("cy") != picture.findall("circle")[2].get("cy")
    one, other = drawn({"type": "bar", "x": ["a", "b"], "y": [1, 1], "base": [0, 3]}).findall("rect")
    assert one.get("height") == other.get("height")
    assert float(one.get("y") or "") > float(other.get("y") or "")


def test_histograms_that_share_an_axis_share_their_bins() -> None:
    traces = [{"type": "histogram", "x": [0, 1, 2, 10]}, {"type": "histogram", "x": [0.5, 1.5, 2.5, 9]}]
    (picture,) = pictures(traces)
    bars = [bar for bar in picture.findall("rect") if bar.get("width") != "14"]
    places = [float(bar.get("x") or "") for bar in bars]
    assert len(places) == 6
    gaps = [later - one for one, later in zip(places[:3], places[3:], strict=True)]
    assert max(gaps) - min(gaps) < 0.3


def test_a_pie_of_numbers_whose_sum_is_none_is_left() -> None:
    huge = {"type": "pie", "labels": ["a", "b", "c"], "values": [1e308] * 3}
    assert draw({"data": [huge], "layout": {}}).left == [huge]


def test_a_picture_is_shown_if_the_figure_holds_it() -> None:
    source = "data:image/png;base64,AAAA"
    (picture,) = pictures([{"type": "image", "source": source, "name": '"x"'}])
    assert picture.attrib == {"alt": '"x"', "src": source}
    for other in (
        "https://evil.example/x.png",
        "data:image/svg+xml;base64,AAAA",
        'data:image/png;base64,"',
        None,
    ):
        drawing = draw({"data": [{"type": "image", "source": other}], "layout": {}})
        assert (drawing.pictures, len(drawing.left)) == ([], 1)


def test_points_with_words_are_points_and_a_table_of_mistakes_is_not_upside_down() -> None:
    assert len(drawn({"mode": "text", "x": [1, 2], "y": [1, 2], "text": ["a", "b"]}).findall("circle")) == 2
    trace = {"type": "heatmap", "z": [[1], [2]], "y": ["top", "bottom"]}
    turned = drawn(trace, yaxis={"autorange": "reversed"}).findall("rect")
    straight = drawn(trace).findall("rect")
    assert float(turned[0].get("y") or "") < float(turned[1].get("y") or "")
    assert float(straight[0].get("y") or "") > float(straight[1].get("y") or "")


def test_what_is_not_drawn_is_said_and_kept_in_the_json() -> None:
    preds = read_predictions({"graphs": [{"data": [{"type": "scatter3d", "z": [1]}]}]})
    page = write_report(preds, "t")
    assert "There is no drawing of scatter3d here. Its figures are in preds.json" in page
    assert json.loads(to_json(preds))["graphs"][0]["data"] == [{"type": "scatter3d", "z": [1]}]


@given(
    st.lists(TRACES, max_size=3),
    ANY_TEXT,
    st.sampled_from(["group", "stack", "overlay"]),
    st.sampled_from(["linear", "log"]),
)
def test_any_figure_is_drawn_or_left_and_never_more_than_a_drawing(
    traces: list[Any], title: str, mode: str, axis: str
) -> None:
    layout = {"title": title, "xaxis": {"title": {"text": title}, "type": axis}, "yaxis": {"type": axis}}
    graphs = read_graphs([{"data": traces, "layout": {**layout, "barmode": mode}}])
    figure = graphs[0].figure
    assert figure is not None
    drawing = draw(figure)
    assert drawing.pictures or drawing.left or not traces
    for text in (*drawing.pictures, f"<div>{write_tables(drawing.left)}</div>"):
        text = "".join(char for char in text if char.isprintable() or char in "\n\t")
        parts = list(ElementTree.fromstring(text).iter())  # noqa: S314 - of our own making
        assert {part.tag for part in parts} <= {
            *("svg", "text", "line", "circle", "rect", "path", "polyline", "title"),
            *("div", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"),
        }
        places = [
            float(part.get(side, "0")) for part in parts for side in ("x", "y", "cx", "cy", "width", "height")
        ]
        assert all(map(math.isfinite, places))
