"""Asks the script itself, one process a question, whether it accepts the parameters that were read from it.

No probe runs the script's body: argparse checks the values that stand before `--help`, prints the help and ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .asking import Answer, ask, quote, say

BEHIND = ": not tried, a parser before its own answers --help, and the script ends there"


def ask_script(plan: dict[str, Any], words: Sequence[str]) -> Answer:
    """Runs the script once, with these words and the one that asks for help behind them."""
    helped = plan["help"]
    command = [*plan["command"], *words, helped["word"]]
    answer = ask(command, plan["directory"], plan["seconds"], good=helped["code"])
    if answer.code == helped["code"] and helped["shows"] not in answer.text:
        # Some end with the code of a failure even so; then their help must be there to be seen.
        return Answer("it did not print its help", answer.text, answer.code)
    return answer


def try_group(plan: dict[str, Any], group: dict[str, Any], help_text: str, ends: bool) -> list[str]:
    """Tries all probes of a group at once where they allow it, else one by one; names those that are refused.

    `ends`: the script may have further parsers, which no question reaches.
    """
    prefix = group["prefix"]
    together = [probe for probe in group["probes"] if probe["together"]]
    words = [word for probe in together for word in probe["words"]]
    at_once = len(together) > 1 and ask_script(plan, [*prefix, *words]).why is None
    refused = []
    for probe in group["probes"]:
        answer = Answer(None, "")
        if not (at_once and probe["together"]):
            answer = ask_script(plan, [*prefix, *probe["words"]])
        if answer.why is None and not _is_known(plan, prefix, probe, help_text):
            if ends:
                say("  ?  " + probe["name"] + BEHIND)
                continue
            answer = Answer("the script does not know it", "")
        if answer.why is None:
            say("  ok " + probe["name"])
            continue
        say_refusal("no" if probe["must"] else "? ", probe["name"], answer)
        if probe["must"]:
            refused.append(probe["name"])
    return refused


def _is_known(plan: dict[str, Any], prefix: list[str], probe: dict[str, Any], help_text: str) -> bool:
    """Whether the parameter is there at all: argparse overlooks an unknown one when it comes to --help.

    The help names it; or else words that argparse must refuse, if it knows the parameter, are refused.
    """
    mentioned = re.search(r"(?<![\w-])" + re.escape(probe["mention"]) + r"(?![\w-])", help_text)
    if mentioned or plan["help"]["names_all"]:
        return bool(mentioned)
    return not probe["refused"] or ask_script(plan, [*prefix, *probe["refused"]]).why is not None


def say_refusal(sign: str, name: str, answer: Answer) -> None:
    """Tells a refusal with the end of what the script said."""
    say("  " + sign + " " + name + ": " + str(answer.why))
    quote(answer.text)
