"""What is compared of two runs: the last and the best value of each series, and which way is better."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.experiment import Experiment, Point, Series

Verdict = Literal["better", "worse", "same", "different", ""]
"""How a value stands to the one before; `different` where nobody knows which way is better, empty without one."""

_HIGHER = frozenset(
    {
        *(
            "acc",
            "accuracy",
            "ap",
            "auc",
            "bleu",
            "correct",
            "dice",
            "f1",
            "iou",
            "jaccard",
            "map",
            "precision",
            "psnr",
        ),
        *("r2", "recall", "roc", "rouge", "score", "sensitivity", "specificity", "ssim"),
    }
)
_LOWER = frozenset(
    {
        *(
            "cer",
            "crossentropy",
            "divergence",
            "entropy",
            "err",
            "error",
            "fid",
            "logloss",
            "loss",
            "mae",
            "mape",
        ),
        *("mse", "nll", "perplexity", "rmse", "wer"),
    }
)
_WORDS = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*(?![a-z])|\d+")
_PHASES = re.compile(r"\A(?:val|valid|validation|test|train|training|eval)[^A-Za-z0-9]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measure:
    """One series: its last value, its best one with its step, and what it was before.

    `compared`: it is what an `@metric` names, or nothing is named. `higher_is_better` is None where nobody knows.
    """

    name: str
    last: float
    best: Point | None = None
    before: float | None = None
    verdict: Verdict = ""
    compared: bool = True
    higher_is_better: bool | None = None


def higher_is_better(name: str) -> bool | None:
    """Which way a series of that name is better, as its words say; None where they do not."""
    words = {word.lower() for word in _WORDS.findall(name)}
    if words & _LOWER:
        return False
    return True if words & _HIGHER else None


def base_of(name: str) -> str:
    """The name without the phase that it was measured in: `val_acc` is `acc` of the validation."""
    return _PHASES.sub("", name) or name


def measure(
    experiment: Experiment, before: Experiment | None, metrics: Sequence[str] = ()
) -> tuple[Measure, ...]:
    """Every series against the one of the same name before; those that `metrics` name come first."""
    earlier = {one.name: one for one in before.series} if before else {}
    named = {_bare(name) for name in metrics}
    wanted = {one.name for one in experiment.series if _names_of(one.name) & named}
    measured = [
        _measure(one, earlier.get(one.name), not wanted or one.name in wanted)
        for one in experiment.series
        if one.points
    ]
    return tuple(sorted(measured, key=lambda one: not one.compared))


def missing(experiment: Experiment, metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of the metrics that no series is named by."""
    there = {name for one in experiment.series for name in _names_of(one.name)}
    return tuple(name for name in dict.fromkeys(metrics) if _bare(name) not in there)


def _measure(series: Series, earlier: Series | None, compared: bool) -> Measure:
    higher = higher_is_better(series.name)
    last = series.points[-1][1]
    before = earlier.points[-1][1] if earlier is not None and earlier.points else None
    finite = series.finite
    best = None
    if higher is not None and len(finite) > 1:
        best = (max if higher else min)(finite, key=lambda point: point[1])
    verdict: Verdict = _verdict(last, before, higher) if before is not None and compared else ""
    return Measure(series.name, last, best, before if compared else None, verdict, compared, higher)


def _verdict(last: float, before: float, higher: bool | None) -> Verdict:
    if last == before or (math.isnan(last) and math.isnan(before)):
        return "same"
    if math.isnan(last) or math.isnan(before):
        return "worse" if math.isnan(last) else "better"
    if higher is None:
        return "different"
    return "better" if (last > before) == higher else "worse"


def _names_of(name: str) -> frozenset[str]:
    return frozenset({_bare(name), _bare(base_of(name))})


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
