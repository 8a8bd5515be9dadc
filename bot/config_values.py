"""Kinds of values in the configuration: how each is read from a text, and what it must be."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bot.logs import MIN_SECRET_CHARACTERS
from parser.model import ENGINES, Engine

MIN_MASTER_CHARACTERS = 32
"""A master secret can be guessed at without asking us, by whoever knows one token that was derived from it."""

STAND_IN = "x" * MIN_MASTER_CHARACTERS
"""In place of a secret that cannot be read, or need not be: long enough, and base64."""


def _listed(value: object) -> object:
    # An environment variable holds a list as words between commas; a secrets file as lines.
    if isinstance(value, str):
        return tuple(word.strip() for word in re.split(r"[,\n]", value) if word.strip())
    return tuple(value) if isinstance(value, list) else value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_SECRET_CHARACTERS:
        raise ValueError(f"a secret of fewer than {MIN_SECRET_CHARACTERS} characters can be guessed")
    return value


def _master(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_MASTER_CHARACTERS:
        raise ValueError(
            f"a master secret needs at least {MIN_MASTER_CHARACTERS} characters: whoever reads one project's token "
            "can try to guess it; `openssl rand -hex 32` makes a good one"
        )
    return value


def _signing_token(value: SecretStr) -> SecretStr:
    try:
        base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a signing token is `whsec_` followed by base64, as GitLab shows it once") from error
    return value


def _web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is no web address, such as https://gitlab.example.com")
    if parts.username or parts.password:
        raise ValueError("an address here must not carry a user name or password")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    if not re.match(r"sqlite:///.|postgresql(\+psycopg)?://.", value):
        raise ValueError("name an SQLite file (sqlite:///bot.db) or a PostgreSQL database (postgresql://…)")
    return re.sub(r"^postgresql://", "postgresql+psycopg://", value)


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("give an address and a port, such as 127.0.0.1:8080 or [::1]:8080")
    return value


def _image(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}", value):
        raise ValueError("this is no image reference, such as registry.example.com/group/image:tag")
    return value


def _plain_word(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise ValueError("use letters, digits, dot, dash and underscore, at most 63 characters")
    return value


def _variable_name(value: str) -> str:
    if not re.fullmatch(r"([A-Z][A-Z0-9_]{0,62})?", value):
        raise ValueError("this is the name of a CI variable, such as SIGNING_KEY, and never what it holds")
    return value


def _engines(value: tuple[Engine, ...]) -> tuple[Engine, ...]:
    if not value:
        raise ValueError(f"name at least one of {', '.join(ENGINES)}")
    if len(set(value)) < len(value):
        raise ValueError("an engine is named twice")
    return value


def _or_nothing(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return "" if value == "" else check(value)


OrNothing = WrapValidator(_or_nothing)
"""An empty text is good, too; unlike in a union of both, what is wrong is then one fault, at its own place."""

Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_listed)]
Masters = Annotated[tuple[Annotated[SecretStr, AfterValidator(_master)], ...], BeforeValidator(_listed)]
SigningTokens = Annotated[
    tuple[Annotated[Secret, AfterValidator(_signing_token)], ...], BeforeValidator(_listed)
]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Engines = Annotated[tuple[Engine, ...], BeforeValidator(_listed), AfterValidator(_engines)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Listen = Annotated[str, AfterValidator(_listen)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Image = Annotated[str, AfterValidator(_image)]
Word = Annotated[str, AfterValidator(_plain_word)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400)]
