"""Where values lie along an axis: numbers by their size, anything else one beside the other."""

from __future__ import annotations

import datetime
import math
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

MOST = sys.float_info.max / 4
"""Numbers further out are drawn at the edge: sums of such would be infinite."""

TICKS = 6
DAY_SECONDS = 86_400

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-]\d\d):?(\d\d))?)?\Z",
    re.ASCII,
)
"""A date, with or without a time, as Plotly has it: a text."""

_BEGIN = datetime.datetime(1970, 1, 1)
MAX_CATEGORIES_NAMED = 20


def number_words(value: float) -> str:
    """A number as people write it."""
    return f"{value:.6g}"


class Scale(Protocol):
    """One axis."""

    def part(self, value: Any) -> float | None:
        """Where a value lies, from 0 to 1; None for one that has no place."""

    def ticks(self) -> Iterator[tuple[Any, str]]:
        """Values to name, with their words."""

    def room(self) -> float:
        """The room of a bar, as a part of the axis."""


class Numbers:
    """From the least to the greatest; `in_bars`: with room for bars at its ends."""

    def __init__(self, numbers: Sequence[float], in_bars: bool) -> None:
        kept = sorted({min(MOST, max(-MOST, number)) for number in numbers})
        gaps = [kept[n + 1] - kept[n] for n in range(len(kept) - 1)]
        low, high = kept[0], kept[-1]
        margin = (high - low) * 0.04 or abs(high) / 10 or 1.0
        self._gap = min(gaps) if gaps and in_bars else margin
        more = self._gap / 2 if in_bars else margin
        # bars stand on the axis itself
        self.low = low if low == 0 and not in_bars else max(low - more, -MOST * 2)
        self.high = high if high == 0 and not in_bars else min(high + more, MOST * 2)
        if self.high <= self.low:
            self.low, self.high = low - 1.0, high + 1.0

    def part(self, value: Any) -> float | None:
        if value is None or isinstance(value, bool):
            return None
        try:
            number = min(MOST, max(-MOST, float(value)))
        except (TypeError, ValueError, OverflowError):
            return None
        if not math.isfinite(number):
            return None
        whole = self.high / 2 - self.low / 2
        return min(1.0, max(0.0, (number / 2 - self.low / 2) / whole)) if whole > 0 else 0.5

    def ticks(self) -> Iterator[tuple[Any, str]]:
        whole = self.high - self.low
        power = 10.0 ** math.floor(math.log10(whole)) if whole > sys.float_info.min * 10 else 0.0
        step = next(
            (power * part for part in (0.1, 0.2, 0.5, 1.0, 2.0) if whole <= power * part * TICKS), 0.0
        )
        if not step or abs(self.low) > step * 1e12 or abs(self.high) > step * 1e12:
            yield from ((value, number_words(value)) for value in (self.low, self.high))
            return
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        for number in range(first, min(last, first + 2 * TICKS) + 1):
            yield number * step, number_words(number * step)

    def room(self) -> float:
        whole = self.high - self.low
        return min(1.0, max(0.0, self._gap / whole)) if whole > 0 else 1.0


class Logarithms:
    """Numbers above zero, by their powers of ten."""

    def __init__(self, numbers: Sequence[float], in_bars: bool) -> None:
        self._powers = Numbers([math.log10(number) for number in numbers], in_bars)

    def part(self, value: Any) -> float | None:
        try:
            return self._powers.part(math.log10(float(value)))
        except (TypeError, ValueError, OverflowError):
            return None

    def ticks(self) -> Iterator[tuple[Any, str]]:
        first, last = math.ceil(self._powers.low), math.floor(self._powers.high)
        every = max(1, math.ceil((last - first) / TICKS))
        whole = range(first, last + 1, every)
        for power in whole if len(whole) > 1 else (one for one, _ in self._powers.ticks()):
            # the ends of the axis may lie beyond the numbers there are
            if -307 <= power <= 308:
                yield 10.0**power, number_words(10.0**power)

    def room(self) -> float:
        return self._powers.room()


def seconds_of(value: Any) -> float | None:
    """The seconds since 1970 of a date as a text; None for what is none."""
    found = _MOMENT.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second, part, hours, minutes = found.groups()
    try:
        moment = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return None
    away = int(hours or 0) * 3600 + int(f"{(hours or '+')[0]}{minutes or 0}") * 60
    return (moment - _BEGIN).total_seconds() - away + (float(f"0.{part}") if part else 0.0)


class Moments:
    """Dates and times, by what lies between them."""

    def __init__(self, seconds: Sequence[float], in_bars: bool) -> None:
        self._seconds = Numbers(seconds, in_bars)

    def part(self, value: Any) -> float | None:
        return self._seconds.part(seconds_of(value))

    def ticks(self) -> Iterator[tuple[Any, str]]:
        low, high = self._seconds.low, self._seconds.high
        span = (high - low) / DAY_SECONDS
        form = "%Y-%m-%d" if span > TICKS else "%m-%d %H:%M" if span > 1 else "%H:%M:%S"
        step = (high - low) / TICKS
        if span > TICKS:
            # whole days, so that each tick is where its words say
            step = max(1, round(step / DAY_SECONDS)) * DAY_SECONDS
            low = math.ceil(low / DAY_SECONDS) * DAY_SECONDS
        for number in range(TICKS + 1):
            try:
                moment = _BEGIN + datetime.timedelta(seconds=round(low + step * number))
            except OverflowError:
                return
            if low + step * number <= high:
                yield moment.isoformat(), moment.strftime(form)

    def room(self) -> float:
        return self._seconds.room()


class Categories:
    """Each name once, in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        self.places: dict[str, int] = {}
        for name in names:
            self.places.setdefault(name, len(self.places))

    def part(self, value: Any) -> float | None:
        place = self.places.get(str(value))
        return None if value is None or place is None else (place + 0.5) / len(self.places)

    def ticks(self) -> Iterator[tuple[Any, str]]:
        every = max(1, math.ceil(len(self.places) / MAX_CATEGORIES_NAMED))
        for name, place in self.places.items():
            if place % every == 0:
                yield name, name

    def room(self) -> float:
        return 1 / len(self.places) if self.places else 1.0
