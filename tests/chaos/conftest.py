"""Prints the figures of the chaos tests at the end."""

from __future__ import annotations

import pytest

from tests.chaos.measure import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in FIGURES:
        terminalreporter.write_line(f"chaos: {line}")
