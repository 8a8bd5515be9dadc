"""What an image says of itself is read as it was written, and nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.interface import compare
from bot.domain.module_label import read_module
from bot.domain.tags import MAX_LABEL_BYTES
from parser.model import Module
from parser.read import read
from parser.source import Entry, Source, load_source
from parser.wire import canonical, module_to_dict

SCRIPT = b"""
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("image", nargs="+")
parser.add_argument("--mode", choices=["a", "b"], default="a", help="How")
parser.add_argument("--level", type=float, default=0.5, metavar="L")
parser.add_argument("--sizes", type=int, nargs=2, default=[1, 2])
parser.add_argument("--fast", action="store_true")
group = parser.add_mutually_exclusive_group(required=True)
group.add_argument("--one")
group.add_argument("--two", required=False)
parser.parse_args()
"""


def written() -> Module:
    texts = {"main.py": SCRIPT, "requirements.txt": b"numpy==2.1\nscipy>=1; python_version>'3.9'\n"}
    report = read(Source({path: Entry(path, "file") for path in texts}, texts), "add-noise")
    assert report.module is not None
    return report.module


LABEL = canonical(module_to_dict(written()))


def test_a_module_is_read_as_it_was_written() -> None:
    assert read_module(LABEL) == written()
    assert compare(written(), read_module(LABEL) or written()).changes == ()


def test_every_sample_is_read_as_it_was_written() -> None:
    folders = [folder for folder in Path("samples").iterdir() if folder.is_dir()]
    read_again = 0
    for folder in folders:
        module = read(load_source(folder), folder.name).module
        if module is not None:
            assert read_module(canonical(module_to_dict(module))) == module
            read_again += 1
    assert read_again > 0


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(LABEL) | fields)


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert read_module(changed(colour="red")) == written()


def test_what_an_earlier_version_did_not_know_is_filled_in() -> None:
    old = json.loads(LABEL)
    del old["framework"], old["metrics"]
    for parameter in old["parameters"]:
        for name in (
            "const",
            "metavar",
            "excludes",
            "one_required",
            "deprecated",
            "printed_help",
            "condition",
        ):
            del parameter[name]
    found = read_module(json.dumps(old))
    assert found is not None
    assert [one.name for one in found.parameters] == [one.name for one in written().parameters]


@pytest.mark.parametrize(
    "label",
    [
        *("", "x", "null", "[]", "{}", "1e999", "[" * 200_000, '{"a":' * 50_000),
        *(changed(schema=2), changed(schema="1"), changed(schema=None)),
        *(changed(entry_points={}), changed(entry_points={"train": "t.py"}), changed(name=7)),
        *(changed(parameters={}), changed(parameters=[None]), changed(kind="EVIL"), changed(requirements=[])),
        LABEL.replace('"default":0.5', '"default":NaN'),
        LABEL.replace('"default":0.5', '"default":1e999'),
        LABEL.replace('"default":0.5', '"default":' + "[" * 5_000 + "]" * 5_000),
        LABEL.replace('"add-noise"', '"\\ud800"'),
        LABEL.replace('"required":false', '"required":0'),
        LABEL + " " * MAX_LABEL_BYTES,
    ],
)
def test_what_is_no_module_is_none(label: str) -> None:
    assert label != LABEL
    assert read_module(label) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(json.loads(LABEL))),
    st.sampled_from(sorted(json.loads(LABEL)["parameters"][0])),
    JSON,
)
def test_whatever_stands_in_a_label_can_be_compared_or_is_none(top: str, field: str, value: object) -> None:
    for label in (
        changed(**{top: value}),
        changed(parameters=[json.loads(LABEL)["parameters"][1] | {field: value}]),
    ):
        found = read_module(label)
        if found is not None:
            assert compare(found, found).changes == ()
            canonical(module_to_dict(found)).encode("ascii")
            assert compare(written(), found).level >= 0
