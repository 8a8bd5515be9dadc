"""The form of a module's page, as it stands in HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

import yaml

from bot.web.fields import PREFIX


@dataclass
class Control:
    """A control of a form: what it is, what it holds, and what can be chosen."""

    tag: str
    value: str
    options: tuple[str, ...] = ()


class Form(HTMLParser):
    """The controls of a page by name, and its snippet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: dict[str, Control] = {}
        self.snippet = ""
        self._inside = ""
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        name = held.get("name", "")
        if tag in ("input", "select") and name.startswith(PREFIX):
            self.controls[name.removeprefix(PREFIX)] = Control(tag, held.get("value", ""))
            self._select = name.removeprefix(PREFIX) if tag == "select" else ""
        elif tag == "option" and self._select:
            one = self.controls[self._select]
            one.options += (held["value"],)
            if "selected" in held:
                one.value = held["value"]
        elif tag == "pre":
            self._inside = held.get("id", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._inside = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "snippet-component":
            self.snippet += data

    @property
    def inputs(self) -> dict[str, object]:
        """What the snippet hands over."""
        (one,) = yaml.safe_load(self.snippet)["include"]
        given: dict[str, object] = one.get("inputs", {})
        return given
