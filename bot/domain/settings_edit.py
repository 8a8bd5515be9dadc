"""One value of `.mlreef.yaml` set, and everything else in the file left as it is, comments among it.

The file is a repository's and may hold anything. So an edit is only tried: what comes of it is read back, and has to
say the same as before but for the one value; where no way of writing it does, nothing is written.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import yaml

from bot.domain.environments import Environment
from parser.problems import ascii_controls
from parser.settings import PATH, read_settings
from parser.settings_file import MAX_BYTES, read_settings_file
from parser.source import Entry, Source, Undecodable, read_text

MAX_NAMED = 8
"""Scripts or environments that one sentence names."""

MAX_SHOWN = 120
"""Characters of a name in a sentence."""

_Pairs = dict[str, list[tuple[object, ...]]]
_HAND = "Write it by hand."


@dataclass(frozen=True, slots=True)
class EntryPointWish:
    """The script that somebody wants to run the module: a path from the repository's root."""

    file: str


@dataclass(frozen=True, slots=True)
class EnvironmentWish:
    """The environment that somebody wants the module to be built on."""

    name: str


Wish = EntryPointWish | EnvironmentWish


@dataclass(frozen=True, slots=True)
class Edited:
    """The whole file as it should be (`content`), and `lines`: what of it says the wish (`value`), to be shown.

    `changed` is False where the file said so already.
    """

    path: str
    content: bytes
    lines: str
    value: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody asked for: the edit, and what became of it.

    `branch`: where it belongs. `sha`: the commit that says so now, None while nobody has written it; `why_not`: one
    sentence why the bot has not, "" where it has, or where nothing had to be.
    """

    edited: Edited
    branch: str
    sha: str | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class CannotEdit:
    """Why there is no such edit, and what to do; sentences whose words in backticks may be foreign."""

    why: str
    mend: str


def edit_settings(source: Source, wish: Wish, environments: Collection[Environment]) -> Edited | CannotEdit:
    """A tree's file with the wish in it; CannotEdit names what there is to choose."""
    content = source.contents.get(PATH)
    if content is None and PATH in source.entries:
        return CannotEdit(f"`{PATH}` is a link, or too large to be read.", _HAND)
    match wish:
        case EntryPointWish(file):
            return edit_entry_point(content, file, source)
        case EnvironmentWish(name):
            return edit_environment(content, name, environments)


def edit_entry_point(content: bytes | None, file: str, source: Source) -> Edited | CannotEdit:
    """Set `entry_points.main` to a script of the tree."""
    asked = file.strip()
    path = posixpath.normpath(asked) if asked else ""
    entry = source.entries.get(path)
    if entry is None:
        return CannotEdit(f"There is no file `{_short(asked)}` in this commit.", _scripts(source, path))
    if entry.kind != "file" or not path.endswith(".py"):
        return CannotEdit(f"`{_short(path)}` is no Python script.", _scripts(source, path))
    settings, _ = read_settings(source)
    roles = ", ".join(f"`{role}`" for role in settings.entry_points if role != "main")
    if roles:
        # `main` would become one more word of the command line
        return CannotEdit(f"`{PATH}` gives entry points of its own names: {roles}.", _HAND)
    return set_value(content, ("entry_points", "main"), path)


def edit_environment(
    content: bytes | None, name: str, environments: Collection[Environment]
) -> Edited | CannotEdit:
    """Set `environment` to one of the operator's."""
    asked = name.strip()
    names = [one.name for one in environments]
    if asked not in names:
        return CannotEdit(f"There is no environment `{_short(asked)}` here.", _choices(asked, names))
    return set_value(content, ("environment",), asked)


def set_value(content: bytes | None, keys: Sequence[str], value: str) -> Edited | CannotEdit:
    """The file in which the value stands under its keys (one, or two for a mapping in the mapping)."""
    lines = "".join(_block(keys, value))
    if content is None:
        return Edited(PATH, lines.encode(), lines, value, True)
    if len(content) > MAX_BYTES:
        return CannotEdit(f"`{PATH}` has more than {MAX_BYTES // 1024} KiB.", _HAND)
    try:
        text = read_text(content)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        before = _pairs(text)
    except (Undecodable, yaml.YAMLError, RecursionError, ValueError) as error:
        why = " ".join(str(getattr(error, "problem", None) or error).split())
        return CannotEdit(
            f"`{PATH}` cannot be read: {ascii_controls(why)[:MAX_SHOWN]}.",
            "Correct it first, then ask again.",
        )
    if before is None:
        return CannotEdit(
            f"`{PATH}` holds no keys and values, or one of them twice.", "Correct it first, then ask again."
        )
    mark = content[: len(content) - len(content.removeprefix(b"\xef\xbb\xbf"))]
    if _value_at(text, keys) == value:
        return Edited(PATH, content, lines, value, False)
    for written in _candidates(text, root, keys, value, "\r\n" if "\r\n" in text else "\n"):
        if _says(written, before, keys, value):
            return Edited(PATH, mark + written.encode(), lines, value, True)
    return CannotEdit(
        f"`{PATH}` is written in a way in which I cannot change this without touching the rest.", _HAND
    )


def scalar(text: str) -> str:
    """The text as a YAML value on one line that reads back as this text and nothing else."""
    plain = yaml.safe_dump(text, width=MAX_BYTES * 8, allow_unicode=True).removesuffix("...\n").rstrip("\n")
    if text.isprintable() and "\n" not in plain and _reads_back(plain, text):
        return plain
    quoted: str = yaml.safe_dump(text, default_style='"', width=MAX_BYTES * 8, allow_unicode=False)
    return quoted.rstrip("\n")


def _reads_back(written: str, text: str) -> bool:
    # in a flow mapping and before a comment, too: those are the places it is put
    try:
        return bool(yaml.safe_load(f"{{key: {written}}} # word") == {"key": text})
    except yaml.YAMLError:
        return False


def _block(keys: Sequence[str], value: str) -> Iterator[str]:
    if len(keys) == 1:
        yield f"{keys[0]}: {scalar(value)}\n"
    else:
        yield f"{keys[0]}:\n"
        yield f"  {keys[1]}: {scalar(value)}\n"


def _candidates(
    text: str, root: yaml.Node | None, keys: Sequence[str], value: str, newline: str
) -> Iterator[str]:
    """Ways of writing it, the most natural one first; each may turn out to say something else."""
    block = "".join(_block(keys, value)).replace("\n", newline)
    flow = scalar(value) if len(keys) == 1 else f"{{{keys[1]}: {scalar(value)}}}"
    if not isinstance(root, yaml.MappingNode):
        yield _ended(text, newline) + block
        return
    held = _held(root, keys[0])
    if held is None:
        if root.flow_style:
            yield _inserted_in_flow(text, root, f"{keys[0]}: {flow}")
            return
        yield _ended(text, newline) + block
        yield _before_first(text, root, block)
    elif len(keys) == 2 and isinstance(held, yaml.MappingNode):
        inner = _held(held, keys[1])
        if inner is not None:
            yield from _replaced(text, inner, scalar(value), newline)
        elif held.flow_style:
            yield _inserted_in_flow(text, held, f"{keys[1]}: {scalar(value)}")
        else:
            yield _before_first(text, held, f"{keys[1]}: {scalar(value)}{newline}")
    else:
        yield from _replaced(text, held, flow, newline)


def _held(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next(
        (value for name, value in mapping.value if isinstance(name, yaml.ScalarNode) and name.value == key),
        None,
    )


def _replaced(text: str, node: yaml.Node, written: str, newline: str) -> Iterator[str]:
    begin, end = node.start_mark.index, node.end_mark.index
    yield text[:begin] + written + text[end:]
    # an empty value begins right behind its colon; a value of several lines ends with the last of them
    yield f"{text[:begin]} {written}{text[end:]}"
    yield f"{text[:begin]}{written}{newline}{text[end:]}"


def _before_first(text: str, mapping: yaml.MappingNode, block: str) -> str:
    mark = mapping.start_mark
    return text[: mark.index] + block.replace("\n", "\n" + " " * mark.column) + text[mark.index :]


def _inserted_in_flow(text: str, mapping: yaml.MappingNode, pair: str) -> str:
    at = mapping.start_mark.index + 1
    return f"{text[:at]}{pair}{', ' if mapping.value else ''}{text[at:]}"


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline


def _says(written: str, before: _Pairs, keys: Sequence[str], value: str) -> bool:
    """Whether a text says what it should: the value, and of everything else what was said before."""
    try:
        after = _pairs(written)
    except (yaml.YAMLError, RecursionError, ValueError):
        return False
    if after is None or _value_at(written, keys) != value:
        return False
    top = keys[0]
    others = {key: events for key, events in after.items() if key != top}
    if others != {key: events for key, events in before.items() if key != top}:
        return False
    if len(keys) == 1:
        return True
    inner_before, inner_after = _inner(before.get(top, [])), _inner(after[top])
    inner_before.pop(keys[1], None)
    inner_after.pop(keys[1], None)
    return inner_before == inner_after


def _value_at(text: str, keys: Sequence[str]) -> str | None:
    """What the bot's own reader takes from the text."""
    settings, _ = read_settings_file(
        Source({PATH: Entry(PATH, "file")}, {PATH: text.encode("utf-8", "replace")})
    )
    if len(keys) == 2:
        return settings.entry_points.get(keys[1])
    found = getattr(settings, keys[0])
    return found if isinstance(found, str) else None


def _pairs(text: str) -> _Pairs | None:
    """Each key of the file with the events of its value, so that aliases are compared as written and not followed.

    None for a file that is no mapping of different words.
    """
    events = [_plain(event) for event in yaml.parse(text, Loader=yaml.SafeLoader)]
    inside = [event for event in events if event[0] not in _FRAME]
    if not inside:
        return {}
    return _mapping(inside)


_FRAME = ("StreamStartEvent", "StreamEndEvent", "DocumentStartEvent", "DocumentEndEvent")


def _inner(events: list[tuple[object, ...]]) -> _Pairs:
    return (_mapping(events) or {}) if events else {}


def _mapping(events: list[tuple[object, ...]]) -> _Pairs | None:
    if events[0][0] != "MappingStartEvent":
        # a null in the place of a mapping holds nothing that could be lost
        return {} if events[0][0] == "ScalarEvent" and events[0][1] in ("", "~", "null") else None
    found: _Pairs = {}
    at = 1
    while events[at][0] != "MappingEndEvent":
        key, end = events[at], _end(events, at)
        value_end = _end(events, end)
        if key[0] != "ScalarEvent" or str(key[1]) in found:
            return None
        found[str(key[1])] = events[end:value_end]
        at = value_end
    return found


def _end(events: list[tuple[object, ...]], at: int) -> int:
    depth = 0
    while True:
        kind = str(events[at][0])
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        at += 1
        if depth == 0:
            return at


def _plain(event: yaml.Event) -> tuple[object, ...]:
    words = ("value", "tag", "anchor", "implicit")
    return (type(event).__name__, *(getattr(event, word, None) for word in words))


def _scripts(source: Source, path: str) -> str:
    scripts = [one for one, entry in source.entries.items() if entry.kind == "file" and one.endswith(".py")]
    return _choices(path, scripts) if scripts else "There is no Python script in it: add one first."


def _choices(asked: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(asked[:MAX_SHOWN], [name[:MAX_SHOWN] for name in names[:2000]], 1)
    first = f"Is `{_short(near[0])}` meant? " if near and len(names) > 1 else ""
    shown = ", ".join(f"`{_short(name)}`" for name in names[:MAX_NAMED])
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{first}There is only {shown}." if len(names) == 1 else f"{first}There are {shown}{more}."


def _short(text: str) -> str:
    # backticks would end the code span that the sentence puts around it
    shown = ascii_controls(text).replace("`", "'")
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"
