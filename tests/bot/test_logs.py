"""Logs: one readable line each, and no secret in any of them, whatever its disguise."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import MIN_SECRET_CHARACTERS, REDACTED, Redaction, redactor

ROOT = Path(__file__).parents[2]
CANARY = 'canary/+ "quoted" ümlaut'

PROGRAM = """
import logging, sys, threading, warnings
from bot.logs import get, set_up
canary = sys.argv[1]
set_up(sys.argv[2], "DEBUG", (canary,))
log = get("a.module")
log.info("static words", token=canary, nested={"a": [canary, {canary: 1}]}, raw=canary.encode(), value=object())
log.bind(bound=canary).warning("bound")
log.info(canary)
logging.getLogger("somebody.else").error("said %s", canary)
def inner(local):
    raise ValueError("wrong token " + canary)
try:
    inner("a-local-variable-" + "value")
except ValueError as error:
    log.error("caught", exc_info=error)
    logging.getLogger("somebody.else").exception("caught too")
thread = threading.Thread(target=inner, args=("x",)); thread.start(); thread.join()
logging.getLogger("x").error("%d", "not a number " + canary)
inner("a-local-variable-" + "value")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_output_of_a_process_holds_the_canary(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, CANARY, form], cwd=ROOT, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert done.stdout == ""
    assert "canary" not in output
    assert REDACTED in output
    assert "wrong token" in output
    assert output.count("Traceback") == 4
    assert "a-local-variable-value" not in output
    if form == "json":
        lines = [json.loads(line) for line in output.splitlines()]
        assert all({"event", "level", "timestamp", "logger"} <= set(line) for line in lines)
        assert lines[-1]["event"] == "uncaught error"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=MIN_SECRET_CHARACTERS), st.binary(max_size=7)
)
def test_a_secret_is_found_in_every_form_that_it_takes_on_its_way(secret: str, before: bytes) -> None:
    redact = redactor([secret])
    raw = secret.encode()
    for form in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret),
        repr(secret),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        base64.b64encode(before + raw + b"end").decode(),
    ):
        assert REDACTED in redact(f"<{form}>")


@pytest.mark.parametrize(
    "text",
    [
        "glpat-AbCdEfGhIjKlMnOpQrSt",
        "glptt-0123456789abcdef",
        "glcbt-64_AbCdEfGhIjKl",
        "whsec_AAAAAAAAAAAAAAAA=",
        "https://oauth2:AbCdEf@gitlab.example.com/x.git",
        "Authorization: Bearer AbCdEfGhIjKl",
        "Authorization: Basic QWxhZGRpbjpvcGVu",
        "PRIVATE-TOKEN: AbCdEf",
        "{'PRIVATE-TOKEN': 'AbCdEf'}",
        "{'Authorization': 'Bearer AbCdEf'}",
        "?private_token=x&private-token=AbCdEf",
        "X-Gitlab-Token: AbCdEf",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.AbCdEf-_",
        "ghp_AbCdEf0123456789AbCdEf",
        "huggingface: hf_AbCdEf0123456789AbCdEf",
        "AWS_SECRET_ACCESS_KEY=AbCdEf/x",
        "+ export WANDB_API_KEY=AbCdEf",
    ],
)
def test_what_looks_like_a_credential_goes_also_when_nobody_told_of_it(text: str) -> None:
    assert REDACTED in redactor(())(text)
    assert "AbCdEf" not in redactor(())(text)


@pytest.mark.parametrize(
    "words",
    [
        f"basic operation: published vision/add-noise at https://gitlab.example.com/a/b sha256:{'0a' * 32}",
        "pad_token=<pad> tokens=12 secret=none of them",
        "hf_hub_download from pypi-server: ghp_ is no token",
    ],
)
def test_ordinary_words_stay(words: str) -> None:
    assert redactor(["a-secret"])(words) == words


def test_numbers_and_nothing_keep_their_type() -> None:
    line = Redaction(redactor(()))(None, "info", {"n": 1, "f": 1.5, "none": None, "yes": True})
    assert line == {"n": 1, "f": 1.5, "none": None, "yes": True}
