"""Charts for notes and plots for pages: whatever was measured, they are whole, bounded, and do nothing."""

from __future__ import annotations

import math
import re
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.experiment import Experiment, Series, read_experiment
from bot.domain.mermaid import MAX_CHARTS, MAX_DRAWN, mermaid_charts
from bot.domain.svg_plot import MAX_PANELS, svg_plot
from tests.domain.hostile import ANY_TEXT

DRAWN_AT_ONCE = 2_000
"""Characters of a diagram that GitLab draws without being asked."""

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {f"{SVG}{name}" for name in ("svg", "title", "desc", "g", "line", "polyline", "circle", "text")}

VALUES = st.one_of(
    st.floats(),
    st.floats(-1, 1),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, sys.float_info.max, math.nan]),
)
SERIES = st.builds(
    lambda name, points: Series(name, tuple(sorted(points.items()))),
    st.one_of(ANY_TEXT, st.sampled_from(["acc", "val_acc", "test_acc", "loss", "val_loss", "\ud800"])),
    st.dictionaries(st.floats(0, 1e12), VALUES, min_size=1, max_size=60),
)
EXPERIMENTS = st.builds(lambda series: Experiment(tuple(series), 1), st.lists(SERIES, max_size=12))

NUMBER = r"-?\d+(?:\.\d+)?"
CHART = re.compile(
    r'%%\{init: \{"themeVariables": \{"xyChart": \{"plotColorPalette": "#[0-9a-f]{6}(?:, #[0-9a-f]{6})?"\}\}\}\}%%\n'
    r'xychart-beta\n    title "[\w .,:()/-]+"\n    x-axis "step" \["[^"\n]+"(?:, "[^"\n]+")*\]\n'
    rf"    y-axis {NUMBER} --> {NUMBER}\n"
    rf"    (?:bar|line) \[({NUMBER}(?:, {NUMBER})*)\](?:\n    line \[{NUMBER}(?:, {NUMBER})*\])?"
)


def measured(**values: list[float]) -> Experiment:
    return Experiment(
        tuple(Series(name, tuple(enumerate(map(float, given)))) for name, given in values.items()), 3
    )


def _element(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn)  # noqa: S314 - our own text, and what is tested


@given(EXPERIMENTS)
@example(measured(a=[0.0, 5e-324]))
@example(measured(a=[-sys.float_info.max, sys.float_info.max]))
@example(measured(a=[sys.float_info.max, sys.float_info.max]))
@example(measured(a=[1e-310, 2e-310, 1e-320]))
def test_a_chart_is_one_that_gitlab_draws_whatever_was_measured(experiment: Experiment) -> None:
    charts, _ = mermaid_charts(experiment)
    assert len(charts) <= MAX_CHARTS
    for chart in charts:
        found = CHART.fullmatch(chart)
        assert found is not None, chart
        assert len(chart) <= DRAWN_AT_ONCE
        assert 2 <= len(found[1].split(", ")) <= MAX_DRAWN


@given(EXPERIMENTS, ANY_TEXT)
def test_a_plot_is_whole_and_does_nothing_whatever_was_measured(experiment: Experiment, title: str) -> None:
    drawn = svg_plot(experiment, title)
    if not any(one.finite for one in experiment.series):
        assert drawn == ""
        return
    root = _element(drawn)
    assert {element.tag for element in root.iter()} <= ELEMENTS
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or name in ("style", "href") for name in attributes)
    told = {element.get("id") for element in root.iter() if element.get("id")}
    assert told == set((root.get("aria-labelledby") or "").split())
    width, height = float(root.get("width") or 0), float(root.get("height") or 0)
    for element in root.iter(f"{SVG}polyline"):
        for pair in (element.get("points") or "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_chart_says_which_series_is_which() -> None:
    charts, rest = mermaid_charts(measured(acc=[0.1, 0.2], loss=[2, 1], val_acc=[0.1, 0.3]))
    assert [chart.splitlines()[2].strip() for chart in charts] == [
        'title "acc (bars), val_acc (line)"',
        'title "loss"',
    ]
    assert rest == 0


def test_numbers_that_mermaid_cannot_read_are_divided_and_the_title_says_so() -> None:
    (chart,), _ = mermaid_charts(measured(lr=[1e-5, 2e-5]))
    assert 'title "lr, divided by 10 to the -5"' in chart
    assert "line [1, 2]" in chart


def test_one_value_makes_no_chart_but_a_mark_in_the_plot() -> None:
    single = read_experiment(b'{"acc": 0.5}')
    assert mermaid_charts(single) == ((), 0)
    assert svg_plot(single).count("<circle") == 1


def test_a_plot_reads_without_its_picture() -> None:
    drawn = svg_plot(measured(loss=[3, 2.5, 1]), "Run <1>")
    root = _element(drawn)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Run <1>"
    assert root.findtext(f"{SVG}desc") == "loss: from 3 at step 0 to 1 at step 2."


def test_a_line_has_a_gap_where_a_value_is_no_number() -> None:
    assert svg_plot(measured(a=[1, 2, math.nan, 3, 4])).count("<polyline") == 2


@pytest.mark.parametrize("count", [MAX_PANELS, MAX_PANELS + 3])
def test_more_panels_than_a_page_shows_are_counted(count: int) -> None:
    drawn = svg_plot(measured(**{f"m{number}": [1, 2] for number in range(count)}))
    assert drawn.count('class="plot-panel"') == MAX_PANELS
    assert ("more are not drawn" in drawn) == (count > MAX_PANELS)
