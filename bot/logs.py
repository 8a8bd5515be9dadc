"""Structured logs of everything in the process; secrets are taken out as the last step before rendering."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import structlog

REDACTED = "[redacted]"

MIN_SECRET_CHARACTERS = 8
"""Shorter texts are not taken out: they would appear by chance and make logs unreadable. Config refuses them."""

SAME_LINE_SECONDS = 60.0
"""How long the engine's word of one trouble is not told again."""

PATTERNS = (
    # GitLab's own token prefixes: personal, job, deploy, runner, trigger, feed, agent, OAuth and others.
    r"\bgl[a-z]{1,8}-[A-Za-z0-9_.=-]{8,}",
    r"\bwhsec_[A-Za-z0-9+/=_-]{8,}",
    r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
    r"\bauthorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer|token)\s+[^\s\"',]+",
    r"\b(?:private|job|deploy|gitlab)[-_]token['\"]?\s*[:=]\s*['\"]?[^\s&\"',]+",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    # Those of places that modules fetch their data and models from, and what a shell shows of its variables.
    r"\b(?:gh[opsr]_|github_pat_|hf_|pypi-)[A-Za-z0-9_-]{20,}",
    r"(?-i:\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)",
    r"(?-i:\b(?:[A-Z0-9]+_)*(?:PASSWORD|SECRET|TOKEN|API_KEY|ACCESS_KEY)=)[^\s&\"',]+",
)
"""What looks like a credential, whoever it belongs to."""


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes known secrets, their base64 and URL forms, and token-like texts out of a text."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) < MIN_SECRET_CHARACTERS:
            continue
        raw = secret.encode()
        forms |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
        forms |= {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Within a longer base64 text (user:secret) it begins at one of three phases; only those
            # characters are looked for that no neighbouring byte has a part in.
            for phase in range(3):
                text = encode(b"\0" * phase + raw).decode()
                forms.add(text[-(-8 * phase // 6) : 8 * (phase + len(raw)) // 6])
    longest_first = sorted(
        (form for form in forms if len(form) >= MIN_SECRET_CHARACTERS), key=len, reverse=True
    )
    known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
    alike = re.compile("|".join(PATTERNS), re.IGNORECASE)

    def redact(text: str) -> str:
        return alike.sub(REDACTED, known.sub(REDACTED, text) if known else text)

    return redact


_of_this_process = redactor(())


def redact(text: str) -> str:
    """Take out of a text what this process knows to be secret, or what looks so, before it is kept or shown."""
    return _of_this_process(text)


class Redaction:
    """A structlog processor that cleans every text in a log line, also in nested values and tracebacks."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
        return {str(self._clean(name)): self._clean(value) for name, value in line.items()}

    def _clean(self, value: Any) -> Any:
        match value:
            case str():
                return self._redact(value)
            case None | bool() | int() | float():
                return value
            case Mapping():
                return {str(self._clean(key)): self._clean(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean(item) for item in value]
            case bytes():
                return self._redact(value.decode("utf-8", "backslashreplace"))
            case _:
                return self._redact(repr(value))


class Seldom(logging.Filter):
    """Lets through what one line of code tells once in SAME_LINE_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is told."""
        place = (record.pathname, record.lineno)
        if record.created - self._told.get(place, float("-inf")) < SAME_LINE_SECONDS:
            return False
        self._told[place] = record.created
        return True


def set_up(
    format: Literal["json", "console"] = "console",
    level: str = "INFO",
    secrets: Iterable[str] = (),
) -> None:
    """Send the logs of this process, its libraries and its uncaught errors to stderr, one line each."""
    global _of_this_process
    _of_this_process = redactor(secrets)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            # Plain text: the prettier renderers print local variables, and with them tokens.
            structlog.processors.format_exc_info,
            Redaction(_of_this_process),
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # The engine brings a handler of its own unless there is one, and tells an absent database ten times a second.
    engine = logging.getLogger("dbos")
    engine.handlers, engine.filters, engine.propagate = [handler], [Seldom()], False
    # These libraries tell every request or query at INFO, which says nothing to an operator.
    for name in ("urllib3", "sqlalchemy", "werkzeug", "dbos", "docker"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    logging.raiseExceptions = False


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module. Event names are static words; what varies goes into keyword arguments."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _log_uncaught(of: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(of, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("uncaught error", exc_info=(of, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None:
        return
    logging.getLogger("bot").critical(
        "uncaught error in a thread", exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
    )
