"""Pies."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from .canvas import items, look_of, number_of, plain_words, svg
from .scales import number_words

MAX_NAMED = 40
"""Slices that are named beside the pie; all are drawn."""

MAX_SLICES = 200
"""Of more, the smallest are one slice: nobody could tell them apart."""


def draw_pie(trace: dict[str, Any], title: str) -> str:
    """The pie of one trace; labels that are the same share a slice."""
    labels = items(trace.get("labels"))
    values = items(trace.get("values")) or [1] * len(labels)
    slices: dict[str, float] = {}
    for number, value in enumerate(values):
        found = number_of(value)
        if found is not None and found > 0:
            label = plain_words(labels[number]) if number < len(labels) else str(number)
            slices[label] = slices.get(label, 0.0) + found
    slices = _together(slices)
    # a sum of such numbers may be infinite
    whole = sum(slices.values())
    if not slices or not math.isfinite(whole):
        return ""
    hole = number_of(trace.get("hole")) or 0.0
    height = max(320, 60 + 26 * min(len(slices), MAX_NAMED))
    parts, begun, told = [], 0.0, []
    for place, (label, value) in enumerate(slices.items()):
        share = value / whole
        parts.append(_slice(begun, begun + share, min(max(hole, 0.0), 0.9), place, height / 2))
        begun += share
        words = f"{label}: {number_words(value)} ({share:.1%})"
        told.append(words)
        if place < MAX_NAMED:
            y = 40 + 26 * place
            parts.append(f'<rect class="{look_of(place)}" x="380" y="{y - 12}" width="14" height="14"/>')
            parts.append(f'<text x="402" y="{y}">{escape(words)}</text>')
    return svg(parts, title, "A pie: " + ", ".join(told[:MAX_NAMED]), height)


def _together(slices: dict[str, float]) -> dict[str, float]:
    if len(slices) <= MAX_SLICES:
        return slices
    large = set(sorted(slices, key=lambda label: -slices[label])[: MAX_SLICES - 1])
    others = sum(value for label, value in slices.items() if label not in large)
    shown = {label: value for label, value in slices.items() if label in large}
    return {f"{len(slices) - len(large)} smaller ones": others, **shown}


def _slice(begun: float, ended: float, hole: float, place: int, middle: float) -> str:
    look = f'class="{look_of(place)} slice"'
    x, radius = 190.0, 140.0
    if ended - begun > 0.99999:
        return f'<circle {look} cx="{x}" cy="{middle}" r="{radius}"/>' + (
            f'<circle class="paper" cx="{x}" cy="{middle}" r="{radius * hole:.1f}"/>' if hole else ""
        )

    def at(share: float, far: float) -> str:
        angle = 2 * math.pi * share
        return f"{x + far * math.sin(angle):.2f} {middle - far * math.cos(angle):.2f}"

    large = int(ended - begun > 0.5)
    outer = f"M {at(begun, radius)} A {radius} {radius} 0 {large} 1 {at(ended, radius)}"
    near = radius * hole
    inner = (
        f"L {at(ended, near)} A {near:.2f} {near:.2f} 0 {large} 0 {at(begun, near)}"
        if hole
        else f"L {x} {middle}"
    )
    return f'<path {look} d="{outer} {inner} Z"/>'
