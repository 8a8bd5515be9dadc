"""What a notebook leaves in a script that is made of it."""

import pytest
from repositories import codes, of_script

from parser.model import Severity


@pytest.mark.parametrize(
    "line",
    ["get_ipython().system('ls')", "x = get_ipython().run_line_magic('pwd', '')", "print(get_ipython())"],
)
def test_a_notebooks_command_stops_the_script(line: str) -> None:
    told = [one for one in of_script(f"{line}\n").problems if one.severity is Severity.ERROR]
    assert [one.code for one in told] == ["notebook-command"]


@pytest.mark.parametrize(
    "text",
    [
        "from IPython import get_ipython\nget_ipython()",
        "try:\n    get_ipython()\nexcept NameError:\n    pass",
        "if 'get_ipython' in dir():\n    get_ipython()",
        "def f():\n    return get_ipython()",
    ],
)
def test_a_notebooks_command_that_may_be_there_or_left_out_is_none(text: str) -> None:
    assert "notebook-command" not in codes(of_script(f"{text}\n"))
