"""Lines that tests have to say at the end of the run: what they measured on the way."""

from __future__ import annotations

FIGURES: list[str] = []
