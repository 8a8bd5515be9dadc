"""Two runs are compared by what their series are named, and by what the module's `@metric` name."""

from __future__ import annotations

import math

import pytest

from bot.domain.experiment import Experiment, Series
from bot.domain.measures import Verdict, base_of, higher_is_better, measure, missing


def experiment(**values: float) -> Experiment:
    return Experiment(tuple(Series(name, ((1.0, value),)) for name, value in values.items()), 1)


@pytest.mark.parametrize(
    "name", ["acc", "val_acc", "valAccuracy", "F1_SCORE", "f1", "test recall", "ROC-AUC", "mAP"]
)
def test_more_is_better(name: str) -> None:
    assert higher_is_better(name) is True


@pytest.mark.parametrize(
    "name", ["loss", "val_loss", "accuracyLoss", "RMSE", "mean_squared_error", "log-loss"]
)
def test_less_is_better(name: str) -> None:
    assert higher_is_better(name) is False


@pytest.mark.parametrize("name", ["lr", "seconds", "machine", "", "lossy", "recalled"])
def test_nobody_knows_which_way_is_better(name: str) -> None:
    assert higher_is_better(name) is None


@pytest.mark.parametrize(
    ("name", "now", "before", "verdict"),
    [
        ("acc", 0.9, 0.8, "better"),
        ("acc", 0.7, 0.8, "worse"),
        ("loss", 0.7, 0.8, "better"),
        ("loss", 0.9, 0.8, "worse"),
        ("loss", math.nan, 0.8, "worse"),
        ("loss", 0.8, math.nan, "better"),
        ("loss", math.nan, math.nan, "same"),
        ("loss", math.inf, math.inf, "same"),
        ("loss", math.inf, 1.0, "worse"),
        ("acc", 0.8, 0.8, "same"),
        ("lr", 0.1, 0.2, "different"),
    ],
)
def test_the_verdict_follows_the_name(name: str, now: float, before: float, verdict: Verdict) -> None:
    (found,) = measure(experiment(**{name: now}), experiment(**{name: before}))
    assert found.verdict == verdict


def test_without_a_run_before_there_is_no_verdict() -> None:
    (found,) = measure(experiment(acc=0.9), None)
    assert (found.before, found.verdict) == (None, "")


def test_metrics_that_are_named_come_first_and_are_all_that_is_compared() -> None:
    found = measure(
        experiment(loss=1.0, val_f1_score=0.5, acc=0.9),
        experiment(loss=2.0, val_f1_score=0.4, acc=0.8),
        ("F1-Score",),
    )
    assert [(one.name, one.compared, one.verdict) for one in found] == [
        ("val_f1_score", True, "better"),
        ("loss", False, ""),
        ("acc", False, ""),
    ]


def test_metrics_that_no_series_is_named_by_are_missing_and_hide_nothing() -> None:
    now = experiment(acc=0.9)
    assert missing(now, ("RECALL", "ACC", "RECALL")) == ("RECALL",)
    assert [one.compared for one in measure(now, None, ("RECALL",))] == [True]


def test_the_best_value_is_told_with_its_step_where_a_direction_is_known() -> None:
    points = ((0.0, 0.5), (1.0, 0.9), (2.0, math.nan), (3.0, 0.7))
    run = Experiment((Series("acc", points), Series("loss", points), Series("lr", points)), 4)
    assert [one.best for one in measure(run, None)] == [(1.0, 0.9), (0.0, 0.5), None]


@pytest.mark.parametrize(
    ("name", "base"),
    [("val_acc", "acc"), ("train.loss", "loss"), ("acc", "acc"), ("validity", "validity")],
)
def test_phases_of_one_thing_have_one_base(name: str, base: str) -> None:
    assert base_of(name) == base
