"""The interface of a module → the inputs of its GitLab CI/CD component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parser.model import Parameter

InputType = Literal["string", "number", "boolean", "array"]
"""The types that GitLab knows for an input of a component."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a component, as `spec: inputs` says it; `parameter` is None for those that are the component's own.

    `default` None: it must be given. An input left at its default hands nothing to the script, unless `always`.
    `options`: all values there are; empty where others are good, too. `regex`: in what RE2, Python's re (by
    fullmatch) and JavaScript understand alike; empty where the type or the options say enough.
    """

    name: str
    type: InputType
    description: str
    default: str | int | float | bool | tuple[str, ...] | None = None
    options: tuple[str | int | float, ...] = ()
    regex: str = ""
    parameter: Parameter | None = None
    always: bool = False

    @property
    def required(self) -> bool:
        """Whether whoever uses the component must give it."""
        return self.default is None
