"""The candidate's test, top to bottom: help, every parameter, every choice, agreement, sample, tests."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

from .agreement import Difference, differences
from .asking import ask, say
from .probing import ask_script, say_refusal, try_group
from .trying import try_sample, try_tests

NOT_PUBLISHED = "Not published:"
"""Begins the line that says why; the service looks for the same words, but this file runs without the service."""

USAGE = 2
"""Exit code by which argparse refuses words."""

_WITHOUT_HELP = {
    "unrecognized arguments: ": "Let argparse add it: no add_help=False.",
    "No such option:? '?": "Let click add it: no add_help_option=False, and --help among help_option_names.",
}
"""How a script says that it knows no such option, and what its author can do."""

MAX_REPORT_BYTES = 16 * 1024 * 1024
"""Bytes of an interview that are read."""


def main(plan_file: Path) -> int:
    """Runs the plan; 0 when the image may be published."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    if plan["verdict"] != "publish":
        say("There is no new image to try: this pipeline does not publish.")
        return 0
    causes = _try_entry_points(plan, plan_file) if plan["parts"] else _try_parameters(plan, plan_file)
    if not causes:
        # what does not even take its parameters need not be run
        causes = [cause for cause in (try_sample(plan), try_tests(plan)) if cause is not None]
    if not causes:
        say("The script accepts what was read from it.")
        return 0
    say(NOT_PUBLISHED + " " + _sentences(causes))
    return 1


def _try_entry_points(plan: dict[str, Any], plan_file: Path) -> list[str]:
    """Everything about each entry point's command line; whatever is wrong with one, the others are tried, too."""
    causes = []
    if plan["help"] is not None:
        shown = ask_script(plan, ())
        if shown.why is not None:
            say_refusal("no", " ".join([*plan["command"], plan["help"]["word"]]), shown)
            return ["the image does not show its entry points, " + str(shown.why) + "."]
        say("  ok " + plan["help"]["word"] + " shows the entry points")
    for number, part in enumerate(plan["parts"]):
        found = _try_parameters(part, plan_file, number)
        if found:
            causes.append("of the entry point `" + part["role"] + "`: " + _sentences(found))
    return causes


def _sentences(causes: list[str]) -> str:
    first, *others = causes
    return " ".join([first, *(cause[0].upper() + cause[1:] for cause in others)])


def _try_parameters(plan: dict[str, Any], plan_file: Path, part: int = -1) -> list[str]:
    """Everything about one command line; why it is not as it was read."""
    word = plan["help"]["word"]
    tried = " ".join([*plan["command"], "…", word])
    say("Trying " + tried + ", with every parameter in its turn; its body is not run.")
    refused: list[str] = []
    reports: list[dict[str, Any]] | None = None
    for group in plan["groups"]:
        shown = ask_script(plan, group["prefix"])
        name = " ".join([*group["prefix"], word])
        if shown.why is None:
            say("  ok " + name)
            if reports is None:
                reports = _ask_parser(plan, plan_file, part) if plan["stated"] is not None else []
            refused += try_group(plan, group, shown.text, _ends(reports))
            continue
        say_refusal("no", name, shown)
        refused.append(name)
        if not group["prefix"]:
            for says, mend in _WITHOUT_HELP.items():
                if shown.code == USAGE and re.search(says + re.escape(word) + r"(?![\w-])", shown.text):
                    return [f"the script cannot be asked, it knows no {word}. {mend}"]
            last = shown.text.strip().splitlines()[-1:] or ["It printed nothing."]
            return ["the script does not even print its help, " + str(shown.why) + ". " + last[0]]
    for skipped in plan["skipped"]:
        say("  ?  " + skipped["name"] + ": not tried, " + skipped["why"])
    causes = []
    if refused:
        say("What the image accepts and what was read from the script must agree: see the lines above.")
        causes.append("the script does not accept what was read from it: " + ", ".join(refused) + ".")
    if plan["stated"] is not None:
        causes += _interview(plan, reports or [])
    return causes


def _ends(reports: list[dict[str, Any]]) -> bool:
    return bool(reports) and bool(reports[-1]["ends"])


def _interview(plan: dict[str, Any], reports: list[dict[str, Any]]) -> list[str]:
    """Compares what the parser in the image holds, and how it took every question of the plan, with what was read."""
    if not reports:
        say(
            "  ?  The script hands its command line to no parser of its own process; it was asked only from outside."
        )
        return []
    say("Asking its parser for every choice, every default and a wrong value for each type.")
    answers: dict[int, dict[str, Any]] = {}
    held: dict[str, dict[str, Any]] = {}
    for report in reports:
        answers.update({answer["question"]: answer for answer in report["answers"]})
        for one in report["held"]:
            held[json.dumps([one["subcommand"], one["flags"] or one["dest"]])] = one
    causes = []
    wrong = _judge(plan, answers)
    if wrong:
        causes.append("the parser takes values otherwise than was read: " + ", ".join(wrong) + ".")
    whole = not _ends(reports)
    found = differences(plan["stated"], list(held.values()), plan["directory"], plan["complete"], whole)
    for difference in found:
        say("  no " + difference.name + ": " + difference.words)
    if found:
        causes.append(_cause(found))
    elif not wrong:
        say(f"  ok {len(answers)} questions, and {len(held)} parameters are held as they were read")
    return causes


def _judge(plan: dict[str, Any], answers: dict[int, dict[str, Any]]) -> list[str]:
    wrong: dict[str, None] = {}
    for number, question in enumerate(plan["questions"]):
        answer = answers.get(number)
        if answer is None or answer["how"] == question["expected"]:
            continue
        if answer["how"] == "failed" and question["expected"] == "refused":
            # it did not take the value, only without argparse's words
            continue
        words = " ".join(question["words"])
        say(f"  no {question['name']}: `{words}` is {answer['how']}, not {question['expected']}")
        if answer["said"]:
            say("       | " + answer["said"])
        wrong[question["name"]] = None
    return list(wrong)


def _cause(found: list[Difference]) -> str:
    ours = [one.name for one in found if one.ours]
    theirs = [one.name for one in found if not one.ours]
    parts = []
    if ours:
        parts.append(
            "mlreef-bot read parameters otherwise than argparse holds them, which is a fault of mlreef-bot "
            "(please report it): " + ", ".join(ours) + "."
        )
    if theirs:
        parts.append(
            "the script has other parameters in the image than in its source: " + ", ".join(theirs) + "."
        )
    return " ".join(parts)


def _ask_parser(plan: dict[str, Any], plan_file: Path, part: int) -> list[dict[str, Any]]:
    """The reports of all parsers that the script hands its command line to, in that order."""
    ours, theirs = os.pipe()
    said = bytearray()
    reader = threading.Thread(target=_read_all, args=(ours, said), daemon=True)
    reader.start()
    interview = str(Path(__file__).with_name("interview.py"))
    words = [plan["script"][0], interview, str(plan_file), str(part), str(theirs)]
    try:
        ask(words, plan["directory"], plan["seconds"], (theirs,))
    finally:
        os.close(theirs)
    reader.join()
    reports = []
    for line in bytes(said).splitlines():
        try:
            reports.append(json.loads(line))
        except ValueError:
            # broken off: the time was over
            continue
    return reports


def _read_all(descriptor: int, said: bytearray) -> None:
    with os.fdopen(descriptor, "rb") as stream:
        while len(said) < MAX_REPORT_BYTES:
            piece = stream.read1(65536) if hasattr(stream, "read1") else stream.read(65536)
            if not piece:
                return
            said += piece
