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
from ci_templates.mlopen.mlopenapp._run.figures import read_graphs
from ci_templates.mlopen.mlopenapp._run.predictions import read_predictions, to_json
from ci_templates.mlopen.mlopenapp._run.report import write_report
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
    title, text = draw({"data": [trace], "layout": layout})
    assert text, title
    return ElementTree.fromstring(text)  # noqa: S314 - of our own making


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
    _, text = draw({"data": traces, "layout": {"barmode": "stack"}})
    one, other = ElementTree.fromstring(text).findall("rect")[:2]  # noqa: S314 - of our own making
    sides = [{side: float(bar.get(side) or "") for side in ("x", "y", "height")} for bar in (one, other)]
    assert sides[0]["x"] == sides[1]["x"]
    assert sides[1]["y"] + sides[1]["height"] == pytest.approx(sides[0]["y"], abs=0.2)
    assert sides[1]["height"] == pytest.approx(3 * sides[0]["height"], abs=0.6)
    _, overlaid = draw({"data": traces, "layout": {"barmode": "overlay"}})
    bottoms = {
        round(float(bar.get("y") or "") + float(bar.get("height") or ""), 0)
        for bar in ElementTree.fromstring(overlaid).findall("rect")[:2]  # noqa: S314 - of our own making
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
    _, text = draw(figure)
    text = "".join(char for char in text if char.isprintable() or char in "\n\t")
    if text:
        parts = list(ElementTree.fromstring(text).iter())  # noqa: S314 - of our own making
        assert {part.tag for part in parts} <= {
            *("svg", "text", "line", "circle", "rect", "path", "polyline", "title")
        }
        places = [
            float(part.get(side, "0")) for part in parts for side in ("x", "y", "cx", "cy", "width", "height")
        ]
        assert all(map(math.isfinite, places))
