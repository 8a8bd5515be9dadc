"""What becomes of a run's results, and where files for it come from: a part of the component's program.

It runs in the module's own image, so it needs nothing but Python 3.8 and its standard library.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any

MAX_EXPERIMENT_BYTES = 4 * 1024 * 1024
MAX_MEASURES = 40
MAX_DEPTH = 4
ANSWER_SECONDS = 60
PAUSES_SECONDS = (1, 5)
CHUNK_BYTES = 1024 * 1024
MAX_NAME_CHARS = 100
KEPT_CHARS = 180  # of a file's name behind its digest: GitLab takes 255 altogether

NOT_KEPT = "The model is not kept"
KEPT_WHERE = (
    "See that the package registry of this project is on (Settings > General > Visibility) and takes a file "
    "of this size, then run the job again."
)

_NUMBERED = re.compile(r"(\d+(?:\.\d+)?)\D*\Z")


def open_metrics(path: str | Path) -> str:
    """The last value of each name in an experiment.json as OpenMetrics; empty where there is nothing to read."""
    try:
        if Path(path).stat().st_size > MAX_EXPERIMENT_BYTES:
            return ""
        with Path(path).open(encoding="utf-8-sig") as file:
            document = json.load(file, parse_int=float)
    except (OSError, ValueError, RecursionError):
        return ""
    last: dict[str, float] = {}
    for record in _records(document):
        _take(record, "", 0, last)
    # all samples of one metric stand together, and no two of them have the same label
    metrics: dict[str, dict[str, float]] = {}
    for name, value in last.items():
        plain, label = _metric(name)
        samples = metrics.setdefault(plain, {})
        free = (f"{label} ({number})" for number in range(2, len(samples) + 3))
        samples[label if label not in samples else next(one for one in free if one not in samples)] = value
    lines = [
        plain + ('{name="' + label + '"}' if label else "") + " " + _number(value) + "\n"
        for plain, samples in metrics.items()
        for label, value in samples.items()
    ]
    return "".join(lines) + "# EOF\n" if lines else ""


def _records(document: Any) -> list[Any]:
    """The records in their order, whether they are a list, named by their epochs, or one alone."""
    if isinstance(document, list):
        pairs = [pair for one in document if isinstance(one, dict) for pair in one.items()]
        epochs = dict(pairs)
        named = all(
            isinstance(value, dict) and _NUMBERED.search(key[-MAX_NAME_CHARS:]) for key, value in pairs
        )
        if pairs and named and len(epochs) == len(pairs) and all(isinstance(one, dict) for one in document):
            return _records(epochs)
        return (
            document
            if any(isinstance(one, dict) for one in document)
            else [{"value": one} for one in document]
        )
    if not isinstance(document, dict):
        return []
    epochs = {key: value for key, value in document.items() if isinstance(value, dict)}
    numbers = {key: _NUMBERED.search(key[-MAX_NAME_CHARS:]) for key in epochs}
    if any(numbers.values()):
        told = {key: float(found[1]) for key, found in numbers.items() if found}
        if len(told) == len(epochs) == len(set(told.values())):
            epochs = {key: epochs[key] for key in sorted(told, key=told.__getitem__)}
        return [*epochs.values(), {key: value for key, value in document.items() if key not in epochs}]
    if any(isinstance(value, list) for value in document.values()):
        lists = [{key: one} for key, value in document.items() if isinstance(value, list) for one in value]
        return [*lists, {key: value for key, value in document.items() if not isinstance(value, list)}]
    return [document]


def _take(value: Any, name: str, depth: int, last: dict[str, float]) -> None:
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, inside in value.items():
            more = key[:MAX_NAME_CHARS]
            _take(inside, (name + "." + more)[:MAX_NAME_CHARS] if name else more, depth + 1, last)
        return
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return
    if isinstance(value, float) and (name in last or len(last) < MAX_MEASURES):
        last[name] = value


def _metric(name: str) -> tuple[str, str]:
    """What a series is called as a metric, and its own name where that is another one, as the value of a label."""
    plain = re.sub(r"[^a-zA-Z0-9_:]", "_", name)
    plain = plain if re.match(r"[a-zA-Z_:]", plain) else "_" + plain
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    # GitLab takes a # for the beginning of a remark wherever it stands, and then reads none of the metrics
    escaped = "".join(c if c.isprintable() and c != "#" else " " for c in escaped)
    return plain, "" if plain == name else escaped


def _number(value: float) -> str:
    text = repr(value) if math.isfinite(value) else "NaN" if math.isnan(value) else f"{value:+}"
    return text.replace("+inf", "+Inf").replace("-inf", "-Inf")


def fetch_file(address: str, folder: str) -> str:
    """Download what `https://.../name#sha256=...` names into the folder, if its bytes are those; gives its path."""
    url, _, wanted = address.partition("#sha256=")
    if not re.match(r"https?://", url) or not re.match(r"[0-9a-fA-F]{64}\Z", wanted):
        raise SystemExit(
            "Not fetched: " + repr(address) + " is no address that ends in #sha256= and 64 hex digits."
        )
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rsplit("/", 1)[-1]
    name = re.sub(r"[^\w.@+-]", "_", re.sub(r"\A[0-9a-f]{64}-", "", name)).lstrip(".") or "file"
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / name
    part = path.with_name(name + ".part")
    digest = hashlib.sha256()
    try:
        answer = _answer(_asked(url, "GET"), "Not fetched")
    except urllib.error.HTTPError as error:
        raise SystemExit(f"Not fetched: the answer for {url} is {error.code}.") from None
    try:
        with answer, part.open("wb") as file:
            for chunk in iter(lambda: answer.read(CHUNK_BYTES), b""):
                digest.update(chunk)
                file.write(chunk)
    except (OSError, http.client.HTTPException) as error:
        raise SystemExit(f"Not fetched: the answer for {url} broke off: {error}") from None
    if digest.hexdigest() != wanted.lower():
        part.unlink()
        raise SystemExit(
            "Not used: " + url + " has the digest " + digest.hexdigest() + ", and not the one asked for."
        )
    part.replace(path)
    print("Fetched " + name + " (sha256 " + wanted.lower() + ")", flush=True)
    return str(path)


def keep_model(path: str, slug: str, version: str) -> dict[str, str | int]:
    """Put a file into the package registry of the running project, once for all runs with the same bytes.

    The file's name may be a pattern that one file fits, such as `trained/*.mlopen`.
    """
    if not Path(path).is_file():
        fitting = [one for one in Path(path).parent.glob(Path(path).name) if one.is_file()]
        if len(fitting) > 1:
            raise SystemExit(
                str(len(fitting)) + " files fit " + repr(path) + ", and one is to be kept as the model."
            )
        if not fitting:
            raise SystemExit("The run wrote no file " + repr(path) + ", which is to be kept as its model.")
        path = str(fitting[0])
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            digest.update(chunk)
    name, sha256, size = Path(path).name, digest.hexdigest(), Path(path).stat().st_size
    kept = sha256 + "-" + re.sub(r"[^A-Za-z0-9._+-]", "_", name)[-KEPT_CHARS:]
    place = (
        "projects/" + os.environ["CI_PROJECT_ID"] + "/packages/generic/" + slug + "-model/" + (version or "0")
    )
    url = os.environ["CI_API_V4_URL"] + "/" + place + "/" + kept
    try:
        _answer(_asked(url, "HEAD"), NOT_KEPT).close()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise SystemExit(f"{NOT_KEPT}: GitLab answered {error.code} for {url}. {KEPT_WHERE}") from None
        with Path(path).open("rb") as file:
            request = _asked(url, "PUT", file)
            request.add_header("Content-Length", str(size))
            request.add_header("Content-Type", "application/octet-stream")
            try:
                _answer(request, NOT_KEPT, file).close()
            except urllib.error.HTTPError as refused:
                raise SystemExit(
                    f"{NOT_KEPT}: GitLab answered {refused.code} for {url}. {KEPT_WHERE}"
                ) from None
    print(
        "The model is kept. To use it, give the input `job-model`:\n  " + url + "#sha256=" + sha256,
        flush=True,
    )
    return {"name": name, "url": url, "sha256": sha256, "size": size}


def _asked(url: str, method: str, data: IO[bytes] | None = None) -> urllib.request.Request:
    request = urllib.request.Request(url, data=data, method=method)
    # Not for whom GitLab may send us on to: the job's token is for GitLab alone.
    if url.startswith(os.environ["CI_API_V4_URL"] + "/"):
        request.add_unredirected_header("JOB-TOKEN", os.environ["CI_JOB_TOKEN"])
    return request


def _answer(request: urllib.request.Request, failed: str, file: IO[bytes] | None = None) -> Any:
    """The answer, asked for again after a pause when it may come then. Raises HTTPError for any other refusal.

    `failed`: what is not done when none comes.
    """
    pauses = list(PAUSES_SECONDS)
    while True:
        try:
            return urllib.request.urlopen(request, timeout=ANSWER_SECONDS)
        except urllib.error.HTTPError as error:
            if not pauses or error.code not in (408, 429, 500, 502, 503, 504):
                raise
        except OSError as error:
            if not pauses:
                raise SystemExit(
                    f"{failed}: {request.full_url} cannot be reached from this job: "
                    f"{getattr(error, 'reason', error)}. See that its runner has a network that leads there, "
                    "with a proxy where one is needed (https_proxy), then run the job again."
                ) from None
        time.sleep(pauses.pop(0))
        if file is not None:
            file.seek(0)
