"""From texts of inputs to the words of a script's command line. Part of the program that runs in a component's job.

Python 3.8 or newer, and nothing but its standard library. No shell ever reads what stands here.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NEGATIVE_NUMBER = re.compile(r"-\d+$|-\d*\.\d+$")
"""What argparse, of every version of Python, takes for a number and not for an option."""

ANY_NUMBER = 10**9
REST = "..."
TAKEN = {None: (1, 1), "?": (0, 1), "*": (0, ANY_NUMBER), "+": (1, ANY_NUMBER)}
"""How many words a positional takes: at least, at most. `...` takes all the rest, options among them."""


class NotHandedOver(Exception):
    """Values that the script would not get as they are meant; the message names the input."""


def command_line(shape: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    """The words behind the script. `values`: texts by name of input; those left out are at their default."""
    shape = chosen(shape, values)
    given = given_values(shape, values)
    command = split_words("job-command", values.get("job-command") or "")
    role = [shape["role"]] if shape["role"] else []
    command = role + command
    more = split_words("job-arguments", values.get("job-arguments") or "")
    for one in shape["parameters"]:
        if one["input"] not in given or one["under"] == command[: len(one["under"])] or one["always"]:
            continue
        if one["under"][: len(role)] != role:
            raise NotHandedOver(
                f"{one['input']} belongs to the entry point `{one['under'][0]}`, and `{role[0]}` is to run: leave "
                f"{one['input']} out, or set entry-point to {one['under'][0]}."
            )
        raise NotHandedOver(
            f"{one['input']} belongs to the command `{' '.join(one['under'][len(role) :])}`: set job-command to that, "
            f"or leave {one['input']} out."
        )
    words: list[str] = []
    for depth in range(len(command), -1, -1):
        here = [one for one in shape["parameters"] if one["under"] == command[:depth]]
        last = depth == len(command)
        positionals = positional_words(shape, [one for one in here if not one["flag"]], given, words, more)
        ended = not words and positionals[:1] in ([], ["--"])
        options = option_words(shape, [one for one in here if one["flag"]], given, ended)
        options += more if last else []
        words = [*(command[depth - 1 : depth] if depth else ()), *options, *positionals, *words]
    return words


def chosen(shape: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, Any]:
    """What is known of the entry point that is to run, where there are several."""
    entries = shape["entries"]
    role = values.get("entry-point") or (next(iter(entries)) if len(entries) == 1 else "")
    if entries and role not in entries:
        raise NotHandedOver(f"entry-point: say which one is to run: {', '.join(entries)}.")
    return {**shape, **entries[role]} if entries else shape


def given_values(shape: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The texts that are handed to the script, by name of input."""
    given = {}
    for one in shape["parameters"]:
        text = values.get(one["input"], one["default"])
        always = one["always"] and (not shape["role"] or one["under"][:1] == [shape["role"]])
        if text is not None and (always or not is_default(text, one)):
            given[one["input"]] = text
    return given


def is_default(text: str, one: Mapping[str, Any]) -> bool:
    """Whether a text is what an input has when nobody sets it; numbers are compared as such."""
    if text == one["default"] or one["type"] != "number" or one["default"] is None:
        return bool(text == one["default"])
    mine, usual = json.loads(text), json.loads(one["default"])
    return type(mine) is type(usual) and mine == usual


def option_words(
    shape: Mapping[str, Any], options: Iterable[Mapping[str, Any]], given: Mapping[str, str], ended: bool
) -> list[str]:
    """The words of options. Lists of any length come first, so that what follows ends them.

    `ended`: what follows the options does that.
    """
    lists: list[str] = []
    found: list[str] = []
    for one in options:
        if one["input"] in given:
            words, endless = words_of_option(shape, one, given[one["input"]])
            (lists if endless else found).extend(words)
    if lists and not found and not ended:
        raise NotHandedOver(
            "A list of several words cannot stand right before other words: nothing would end it."
        )
    return lists + found


def words_of_option(shape: Mapping[str, Any], one: Mapping[str, Any], text: str) -> tuple[list[str], bool]:
    """The words of one option, and whether they are a list that goes on until something ends it."""
    way, flag = one["way"], one["flag"]
    if way == "value":
        return tied(shape, flag, text), False
    if way == "truth":
        return tied(shape, flag, "True" if text == "true" else one["off"]), False
    if way == "flag":
        return [flag] if text == "true" else [], False
    if way == "either":
        return [flag if text == "true" else one["off"]], False
    if way == "times":
        if not re.match(r"[0-9]{1,3}\Z", text):
            raise NotHandedOver(f"{one['input']} says how often {flag} is given: a whole number below 1000.")
        return [flag] * int(text), False
    words = split_words(one["input"], text)
    if way == "each" and one["count"] is None:
        return [word for each in words for word in tied(shape, flag, each)], False
    if way == "each" and isinstance(one["count"], int):
        groups = [words[start : start + one["count"]] for start in range(0, len(words), one["count"])]
        return [word for group in groups for word in listed(shape, one, group)[0]], False
    return listed(shape, one, words)


def listed(shape: Mapping[str, Any], one: Mapping[str, Any], words: Sequence[str]) -> tuple[list[str], bool]:
    """A flag with several words behind it; a single one is tied to it, so that it may begin with a dash."""
    check_count(one, words)
    if len(words) == 1:
        return tied(shape, one["flag"], words[0]), False
    if shape["framework"] != "click":
        for word in words:
            check_is_no_option(shape, one, word)
    return [one["flag"], *words], not isinstance(one["count"], int)


def tied(shape: Mapping[str, Any], flag: str, text: str) -> list[str]:
    """A flag and its value. click takes `-f=x` for the value `=x`, and any word behind `-f` for its value."""
    return [flag, text] if shape["framework"] == "click" and flag[:2] != "--" else [f"{flag}={text}"]


def check_count(one: Mapping[str, Any], words: Sequence[str]) -> None:
    if isinstance(one["count"], int) and len(words) != one["count"]:
        raise NotHandedOver(f"{one['input']} takes words by {one['count']}, and {len(words)} are given.")


def check_is_no_option(shape: Mapping[str, Any], one: Mapping[str, Any], word: str) -> None:
    """Refuses what the script's parser would take for one of its options."""
    number = shape["negatives"] and NEGATIVE_NUMBER.match(word)
    if len(word) > 1 and word[0] in shape["prefixes"] and not number:
        raise NotHandedOver(f"{one['input']}: the script would take the word `{word}` for an option.")


def positional_words(
    shape: Mapping[str, Any],
    parameters: Sequence[Mapping[str, Any]],
    given: Mapping[str, str],
    behind: Sequence[str],
    more: Sequence[str],
) -> list[str]:
    """The words that are known by their order alone. `behind`: a command and its words; `more`: other words."""
    # before a command and before a list of anything, Pythons differ in what they make of `--`
    free = bool(behind) or any(one["count"] == "..." for one in parameters)
    words = {one["input"]: placed(one, given[one["input"]]) for one in parameters if one["input"] in given}
    if not more and not falls_into_place(shape, parameters, words, free, behind):
        for one in parameters:
            if one["real"] and one["input"] not in words:
                words[one["input"]] = placed(one, one["default"])
        if not falls_into_place(shape, parameters, words, free, behind):
            names = ", ".join(one["input"] for one in parameters)
            raise NotHandedOver(
                "The script tells these apart by their order alone, and would take some words for another's: "
                f"{names}. Give all of them, or none behind one that is left out."
            )
    found: list[str] = []
    for one in parameters:
        for word in words.get(one["input"], ()):
            if free and (one["count"] != "..." or not found):
                check_is_no_option(shape, one, word)
            found.append(word)
    return found if free or not found else ["--", *found]


def placed(one: Mapping[str, Any], text: str) -> list[str]:
    """The words of one positional."""
    if one["way"] == "truth":
        return ["True" if text == "true" else one["off"]]
    words = split_words(one["input"], text) if one["way"] == "words" else [text]
    check_count(one, words)
    return words


def falls_into_place(
    shape: Mapping[str, Any],
    parameters: Sequence[Mapping[str, Any]],
    words: Mapping[str, Sequence[str]],
    free: bool,
    behind: Sequence[str],
) -> bool:
    """Whether the script's parser gives to each positional what is meant for it, and the rest to the command."""
    every = [word for one in parameters for word in words.get(one["input"], ())]
    if not every and not behind:
        return True  # what is missing, the script itself tells
    counts = [one["count"] for one in parameters]
    wanted = [len(words.get(one["input"], ())) for one in parameters]
    for doubtful in "AO":
        letters = letters_of(shape, every, doubtful) if free else "A" * len(every)
        letters += letters_of(shape, behind, doubtful)
        if shared_out(counts, letters.replace("-", ""), bool(behind)) != wanted:
            return False
    return True


def shared_out(counts: Sequence[Any], letters: str, command: bool) -> list[int] | None:
    """How many words argparse gives to each positional: as many as the later ones can spare; None where that is no way.

    It says so by a regular expression, whose time grows with the power of their number: nobody waits for that here.
    `command`: behind them stands a word that is one, and is no option.
    """
    end, many = len(letters), len(counts)
    ends = [end] * (end + 1)
    for place in range(end - 1, -1, -1):
        ends[place] = place if letters[place] == "O" else ends[place + 1]
    needed = [0] * many + [int(command)]
    limits = [end] * (many + 1)
    for number in range(many, -1, -1):
        if number < many and counts[number] != REST:
            needed[number] = taken(counts[number])[0] + needed[number + 1]
            limits[number] = limits[number + 1]
        elif number < many:
            limits[number] = last_place(ends, needed[number + 1], limits[number + 1])
    found = []
    place = 0
    for number, count in enumerate(counts):
        least, most = (0, end) if count == REST else taken(count)
        room = limits[number] if count == REST else min(ends[place], limits[number]) - needed[number + 1]
        got = min(most, room - place)
        if got < least:
            return None
        found.append(got)
        place += got
    return found if ends[place] - place >= needed[-1] else None


def taken(count: Any) -> tuple[int, int]:
    """How many words a positional takes, at least and at most."""
    return (count, count) if isinstance(count, int) else TAKEN[count]


def last_place(ends: Sequence[int], needed: int, limit: int) -> int:
    """The last place that has so many arguments behind it, up to a limit; -1 for none."""
    places = range(limit - needed, -1, -1)
    return next((place for place in places if ends[place] - place >= needed), -1)


def letters_of(shape: Mapping[str, Any], words: Sequence[str], doubtful: str) -> str:
    """What argparse sees of words: options, arguments, and the `--` behind which all are arguments.

    `doubtful`: the letter for what is an option or none, by what else its parser knows.
    """
    letters = ""
    for number, word in enumerate(words):
        if word == "--":
            return letters + "-" + "A" * (len(words) - number - 1)
        if word[:1] not in shape["prefixes"] or len(word) < 2:
            letters += "A"
        else:
            letters += doubtful if " " in word or NEGATIVE_NUMBER.match(word) else "O"
    return letters


def split_words(name: str, text: str) -> list[str]:
    """A text's words as a shell would split them; nothing in them is expanded."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise NotHandedOver(f"{name}: {error} in `{text}`. Put quotes as a shell has them.") from error
