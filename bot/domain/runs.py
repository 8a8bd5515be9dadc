"""A run: a job in which a module did its work, and what it left to be told.

Its record is written by the job itself, so anybody who may run jobs can write anything there: what is read of it is
taken for their word, and is never more than text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bot.domain.experiment import Experiment

ARCHIVE = "mlreef-run"
"""Name of the artifacts by which a run's job is known."""

RECORD = "mlreef-run.json"
EXPERIMENT = "experiment.json"
RECORD_BYTES = 64 * 1024
"""Of a record that is read: as many arguments as are kept, at their longest, are 50 KB."""

USUAL_PLACES = (EXPERIMENT, f"output/{EXPERIMENT}")
"""Where a job of the module's own, which writes no record, leaves what it measured."""

MAX_TEXT = 255
"""Characters of a text in a record, but for addresses."""

MAX_ADDRESS_CHARS = 2_000
"""Characters of a model's address, with a project's path at its longest and the digest behind it."""

MAX_ARGUMENTS = 100
MAX_METRICS = 20
"""Of one run, those that its record names."""

_PATH = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PACKAGE = re.compile(
    r"https?://(?!.*/\.{1,2}(?:/|\Z))[^\s?#%\\\[\]]+/projects/(\d+)/packages/generic/[A-Za-z0-9._+@/-]+"
)


@dataclass(frozen=True, slots=True)
class Model:
    """A file that a run kept: where it lies in its project's package registry, by what digest, and its bytes."""

    name: str
    url: str
    sha256: str
    size: int

    @property
    def address(self) -> str:
        """What the input `model` of a component takes."""
        return f"{self.url}#sha256={self.sha256}"


@dataclass(frozen=True, slots=True)
class Record:
    """What a component's program says of its run. `module` is the path of the module's project."""

    module: str = ""
    version: str = ""
    digest: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    metrics: tuple[str, ...] = ()
    experiment: str = ""
    model: Model | None = None


NO_RECORD = Record()


@dataclass(frozen=True, slots=True)
class KeptRun:
    """One run as the store keeps it; `at` in seconds since 1970, `web_url` is its job's."""

    project_id: int
    job_id: int
    pipeline_id: int
    branch: str
    sha: str
    job_name: str
    web_url: str
    record: Record
    experiment: Experiment
    at: float


def read_record(content: bytes, project_id: int) -> Record:
    """Read a mlreef-run.json; what is not as it should be is left out. A model counts in the run's own project only."""
    try:
        data = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return NO_RECORD
    if not isinstance(data, Mapping):
        return NO_RECORD
    given, metrics = data.get("arguments"), data.get("metrics")
    arguments = given.items() if isinstance(given, Mapping) else ()
    return Record(
        module=_text(data.get("module")),
        version=_text(data.get("version")),
        digest=_matching(_DIGEST, data.get("digest")),
        arguments=tuple((_text(name), _text(value)) for name, value in arguments if _text(name))[
            :MAX_ARGUMENTS
        ],
        metrics=tuple(filter(None, map(_text, metrics)))[:MAX_METRICS] if isinstance(metrics, list) else (),
        experiment=_path(data.get("experiment")),
        model=_model(data.get("model"), project_id),
    )


def keeps_at_home(record: Record, web_url: str) -> bool:
    """Whether its model, if it has one, lies in the GitLab that the job ran in: others are told to fetch it."""
    return record.model is None or urlsplit(record.model.url)[:2] == urlsplit(web_url)[:2]


def record_json(record: Record) -> str:
    """The record in the form in which it is read."""
    model = record.model
    return json.dumps(
        {
            "module": record.module,
            "version": record.version,
            "digest": record.digest,
            "arguments": dict(record.arguments),
            "metrics": list(record.metrics),
            "experiment": record.experiment,
            "model": model
            and {"name": model.name, "url": model.url, "sha256": model.sha256, "size": model.size},
        },
        separators=(",", ":"),
    )


def newest_by_job(runs: Sequence[KeptRun]) -> tuple[KeptRun, ...]:
    """Of runs with the same job name the newest, in the order of their jobs."""
    found = {run.job_name: run for run in sorted(runs, key=lambda run: run.job_id)}
    return tuple(sorted(found.values(), key=lambda run: run.job_id))


def _model(value: object, project_id: int) -> Model | None:
    if not isinstance(value, Mapping):
        return None
    url, sha256, size = (
        _text(value.get("url"), MAX_ADDRESS_CHARS),
        _matching(_SHA256, value.get("sha256")),
        value.get("size"),
    )
    package = _PACKAGE.fullmatch(url)
    if package is None or int(package[1]) != project_id or not sha256:
        return None
    if any(part in (".", "..") for part in unquote(url).split("/")):
        return None
    return Model(
        _text(value.get("name")), url, sha256, size if type(size) is int and 0 <= size < 2**63 else 0
    )


def _path(value: object) -> str:
    path = _matching(_PATH, value)
    parts = path.split("/")
    return "" if path.startswith("/") or any(part in ("", ".", "..") for part in parts) else path


def _matching(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _text(value: object, limit: int = MAX_TEXT) -> str:
    # halves of surrogate pairs and NUL are no text to databases
    return (
        value.encode("utf-8", "replace").decode().replace("\0", "")[:limit] if isinstance(value, str) else ""
    )
