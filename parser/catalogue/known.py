"""What the catalogue holds of each kind of problem."""

from __future__ import annotations

from dataclasses import dataclass

from parser.model import Severity


@dataclass(frozen=True, slots=True)
class Known:
    """One kind of problem; message and hint are `str.format` templates over the same words."""

    severity: Severity
    message: str
    hint: str
