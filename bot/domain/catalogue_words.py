"""By which words a module is found, and which words somebody's question asks for: one way of cutting for both."""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from bot.domain.catalogue import ListedModule, Query

MAX_WORD_CHARS = 40
"""Characters of a word that count."""

MAX_WORDS = 120
"""Different words of one module, those of its name first, that it is found by."""

MAX_QUERY_CHARS = 200
"""Characters of a question that are read."""

MAX_QUERY_WORDS = 8
"""Words of a question that count."""

MAX_SORT_CHARS = 80
"""Characters of a name by which modules are put in order."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no blanks between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a module must have: a word, or with `prefix` one that begins so."""

    word: str
    prefix: bool


def cut(text: str) -> Iterator[str]:
    """The words of a text: letters with their signs, and digits, without regard to case or width."""
    for is_word, characters in groupby(_folded(text), _is_of_word):
        word = "".join(characters)
        if is_word and any(map(str.isalnum, word)):
            yield word[:MAX_WORD_CHARS]


def _is_of_word(character: str) -> bool:
    # what stands above and below letters: without it, Hindi would fall into pieces
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _beginnings(text: str) -> Iterator[str]:
    """The words of a text; of those that nobody puts blanks between, from each letter on."""
    for word in cut(text):
        yield word
        if _UNSPACED.search(word):
            yield from (word[place:] for place in range(1, len(word)) if word[place].isalnum())


def words_of(module: ListedModule) -> frozenset[str]:
    """Everything that a module is found by: its words, and one mark (which no word is) for each of its properties."""
    texts = (module.name, module.slug, module.path, *module.topics, *module.parameters)
    found: dict[str, None] = {}
    for text in (*texts, module.author, module.description):
        for word in _beginnings(text):
            found.setdefault(word)
    kept = list(found)[:MAX_WORDS]
    return frozenset((*kept, *_marks(module)))


def terms_of(query: Query) -> tuple[Term, ...]:
    """What a module must have to be an answer, each once; none for a question that asks for nothing."""
    words = [Term(word, True) for word in cut(query.text[:MAX_QUERY_CHARS])][:MAX_QUERY_WORDS]
    asked = (
        ("kind", query.kind),
        ("input", query.input_type),
        ("output", query.output_type),
        ("parameter", query.parameter.lstrip("-")),
        ("topic", query.topic),
        ("model", query.model_type),
        ("category", query.ml_category),
    )
    marks = [Term(mark(name, value), False) for name, value in asked if value]
    return tuple(dict.fromkeys((*marks, *words)))


def mark(name: str, value: str) -> str:
    """A property as a word that no text has."""
    shown = "".join(char for char in _folded(value) if char.isprintable())
    return f"={name}:{shown[:MAX_WORD_CHARS]}"


def sort_key(module: ListedModule) -> str:
    """What modules are put in order by, before their project's number."""
    return _folded(module.name or module.path)[:MAX_SORT_CHARS]


def cursor_of(module: ListedModule) -> str:
    """The place behind a module in the order of every list, as a text that fits into an address."""
    return _cursor(sort_key(module), module.project_id)


def _cursor(sort: str, project_id: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, project_id]).encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[str, int]:
    """What `cursor_of` wrote down: the key and the project. ValueError for anything else."""
    try:
        sort, project_id = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise ValueError("this is no place in a list") from error
    good = isinstance(sort, str) and type(project_id) is int and 0 < project_id < 2**63
    # whatever has another form was not written by us, and a database may choke on it
    if not good or _cursor(sort, project_id) != text or not sort.isprintable():
        raise ValueError("this is no place in a list")
    return sort, project_id


def _marks(module: ListedModule) -> Iterable[str]:
    yield mark("kind", module.kind)
    yield mark("input", module.input_type)
    yield mark("output", module.output_type)
    of_models = (("model", module.model_type), ("category", module.ml_category))
    yield from (mark(name, value) for name, value in of_models if value)
    yield from (mark("parameter", name.lstrip("-")) for name in module.parameters)
    yield from (mark("topic", topic) for topic in module.topics)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
