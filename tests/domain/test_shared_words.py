"""How a script's words are shared among its positionals: as argparse does it, and in no time whatever a module asks."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from ci_templates.component_arguments import NotHandedOver, command_line, shared_out

ARGPARSE: dict[str | None, str] = {
    None: "(-*A-*)",
    "?": "(-*A?-*)",
    "*": "(-*[A-]*)",
    "+": "(-*A[A-]*)",
    "...": "([-AO]*)",
}
"""What argparse looks for, of its own source."""

COUNTS = st.one_of(st.sampled_from([None, "?", "*", "+", "..."]), st.integers(0, 3))


def by_argparse(counts: list[int | str | None], letters: str, command: bool) -> list[int] | None:
    parts = [f"(-*{'-*'.join('A' * one)}-*)" if isinstance(one, int) else ARGPARSE[one] for one in counts]
    found = re.match("".join(parts) + ("(-*A[-AO]*)" if command else ""), letters)
    return None if found is None else [len(part) for part in found.groups()[: len(counts)]]


@given(st.lists(COUNTS, max_size=5), st.text("AO", max_size=9), st.booleans())
def test_words_are_shared_out_as_argparse_does_it(
    counts: list[int | str | None], letters: str, command: bool
) -> None:
    assert shared_out(counts, letters, command) == by_argparse(counts, letters, command)


def test_a_module_with_many_lists_keeps_nobody_waiting() -> None:
    """A regular expression would try every way to share them: more than there are seconds until the sun is cold."""
    lists = [f"a{number}" for number in range(40)]
    counts = {**dict.fromkeys(lists, "*"), "z": 3_000, "rest": "..."}
    shape = {
        "framework": "argparse",
        "prefixes": ["-"],
        "role": "",
        "entries": {},
        "negatives": True,
        "parameters": [
            {
                "input": name,
                "flag": "",
                "way": "words",
                "off": "",
                "count": count,
                "default": "",
                "real": False,
                "type": "string",
                "under": [],
                "always": False,
            }
            for name, count in counts.items()
        ],
    }
    began = time.process_time()
    try:
        command_line(shape, {"a0": "x " * 2_900 + "-x " + "x " * 3_000})
        told = ""
    except NotHandedOver as refusal:
        told = str(refusal)
    assert "by their order alone" in told
    assert time.process_time() - began < 2
