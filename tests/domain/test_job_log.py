"""Which part of a job's log is about its failure: what the runner writes around it, and what a program got over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cause_kinds import Kind
from bot.domain.causes import cause_of_lines, likely_cause
from bot.domain.job_log import read_ending

GONE = "ERROR: No matching distribution found for nmupy"
NO_ENGINE = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)
FAILED = "\x1b[0K\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"
CUT = (
    "\n\x1b[33;1mJob's log exceeded limit of 4194304 bytes.\n"
    "Job execution will continue but no more output will be collected.\x1b[0;m\n"
)


def section(name: str, text: str, options: str = "") -> str:
    """As GitLab Runner writes a step: its marks end in a carriage return and an erased line."""
    return (
        f"\x1b[0Ksection_start:1732270000:{name}{options}\r\x1b[0K\x1b[0K\x1b[36;1m{name}\x1b[0;m\x1b[0;m\n"
        f"{text}\n\x1b[0Ksection_end:1732270001:{name}\r"
    )


def ran(command: str, printed: str) -> str:
    return f"\x1b[32;1m$ {command}\x1b[0;m\n{printed}\n"


def kind_of(log: str, reason: str | None = None) -> Kind | None:
    cause = likely_cause(log.encode(), reason)
    return cause.kind if cause is not None else None


def failing(text: str) -> str:
    """The last two lines of a program that ended with an error that nobody knows."""
    return (
        f"{text}\nTraceback (most recent call last):\n  File 'a.py', line 9, in <module>\nKeyError: 'label'\n"
    )


def traceback(error: str) -> str:
    return f"Traceback (most recent call last):\n  File 'a.py', line 1, in <module>\n    import x\n{error}"


# the runner's steps -----------------------------------------------------------------------------------


def test_a_command_that_another_followed_did_not_fail_the_job() -> None:
    assert kind_of(ran("pip install x || true", GONE) + ran("pytest", "1 failed") + FAILED) is None
    assert kind_of(ran("echo", "good") + ran("pip install x", GONE) + FAILED) is Kind.NO_DISTRIBUTION


def test_what_is_done_after_a_script_is_no_cause() -> None:
    script = section("step_script", ran("pytest", "1 failed"))
    after = section("after_script", ran("docker logout", NO_ENGINE))
    assert kind_of(script + after + FAILED) is None
    script = section("step_script", ran("pip install x", GONE))
    assert kind_of(script + after + FAILED) is Kind.NO_DISTRIBUTION


def test_files_that_cannot_be_kept_of_a_script_that_failed_are_no_cause() -> None:
    too_large = 'ERROR: Uploading artifacts as "archive" to coordinator... 413 Request Entity Too Large  id=1'
    script = section("step_script", ran("python train.py", "no good"))
    assert kind_of(script + section("upload_artifacts_on_failure", too_large) + FAILED) is None
    good = section("upload_artifacts_on_success", too_large)
    assert kind_of(script + good + FAILED) is Kind.TOO_LARGE
    full = "zip: write error: No space left on device"
    assert kind_of(script + section("archive_cache", full) + good + FAILED) is Kind.TOO_LARGE


def test_a_clone_that_went_well_the_second_time_is_no_cause() -> None:
    refused = "fatal: unable to access 'https://gitlab.example.com/g/p.git/': Could not resolve host: x"
    sources = section("get_sources", refused)
    assert kind_of(sources + FAILED) is Kind.UNREACHABLE
    assert kind_of(sources + section("step_script", "no good") + FAILED) is None


def test_folds_of_the_authors_own_end_no_step() -> None:
    inner = section("installing", GONE, "[collapsed=true]")
    assert kind_of(section("step_script", inner) + FAILED) is Kind.NO_DISTRIBUTION


def test_steps_are_known_where_the_runner_writes_the_time_before_each_line() -> None:
    log = ran("pip install x || true", GONE) + section("after_script", NO_ENGINE) + FAILED
    timed = "\n".join(f"2024-07-22T12:43:46.962646Z 00O {line}" for line in log.split("\n"))
    assert kind_of(timed) is Kind.NO_DISTRIBUTION
    timed = timed.replace(
        "section_start", "\x1b[32;1m$ pytest\x1b[0;m\n2024-07-22T12:43:46.962646Z 00O section_start"
    )
    assert kind_of(timed) is None


def test_a_log_that_gitlab_cut_does_not_say_why() -> None:
    assert kind_of(GONE + CUT) is Kind.LOG_CUT
    assert kind_of(GONE + CUT, "script_failure") is Kind.LOG_CUT
    assert kind_of(GONE + CUT, "job_execution_timeout") is Kind.TIME_OUT
    # what somebody prints is not the end
    assert kind_of(CUT + GONE) is Kind.NO_DISTRIBUTION


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\r\n", b"\xff\xfe", b"\x1b[0Ksection_end:1:step_script\r"]),
)
def test_no_bytes_keep_a_log_from_being_read(noise: bytes, between: bytes) -> None:
    ending = read_ending(noise + b"\n" + between + b"\n" + GONE.encode() + b"\r\n")
    assert ending.lines[-2:] == (GONE, "") or not any(line == GONE for line in ending.lines)
    assert likely_cause(b"\xff\xfe\x80 50%|\xe2\x96\r\n" + GONE.encode() + b"\xff") is not None


def test_a_bar_that_grows_on_one_line_does_not_hide_what_follows() -> None:
    bar = "".join(f"\r 4{n}%|####      | {n}/10 [00:0{n}<00:10]" for n in range(10))
    assert kind_of(f"{bar}\r\n{GONE}\r\n{bar}\n") is Kind.NO_DISTRIBUTION


# what programs get over -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        "ModuleNotFoundError: No module named 'apex'",
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "MemoryError",
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    ],
)
def test_an_error_before_another_programs_end_was_got_over(error: str) -> None:
    assert kind_of(failing(traceback(error) + "\ngoing on without")) is None
    assert kind_of(failing(error + "\ngoing on without")) is None
    assert kind_of(traceback(error)) is not None
    for before in ("   | ", "#12 3.456 ", "      "):
        lines = failing(traceback(error) + "\ngoing on without").split("\n")
        assert kind_of("\n".join(before + line for line in lines)) is None
        lines = traceback(error).split("\n")
        assert kind_of("\n".join(before + line for line in lines)) is not None


@pytest.mark.parametrize(
    "between",
    [
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    ],
)
def test_an_error_that_came_of_another_has_its_cause(between: str) -> None:
    root = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    assert kind_of(failing(f"{traceback(root)}\n\n{between}\n")) is Kind.NO_LIBRARY


def test_an_error_that_nobody_waits_for_is_neither_a_cause_nor_an_end() -> None:
    ignored = "Exception ignored in: <function tqdm.__del__ at 0x7f>\n"
    assert kind_of(f"MemoryError\n{ignored}{failing('')}".replace("\n\n", "\n")) is Kind.MEMORY
    assert kind_of(f"no good\n{ignored}{traceback(chr(77) + 'emoryError')}") is None


def test_a_program_that_ends_because_another_did_has_the_others_cause() -> None:
    root = "ModuleNotFoundError: No module named 'apex'"
    ended = traceback(
        "subprocess.CalledProcessError: Command '['python', 'a.py']' returned non-zero exit status 1."
    )
    assert kind_of(f"{traceback(root)}\n{ended}") is Kind.NO_MODULE
    # and what is no error of Python's is not got over by Python
    assert kind_of(failing(GONE)) is Kind.NO_DISTRIBUTION


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: checkpoint skipped: No space left on device",
        "2024-01-01 10:00:00,000 WARNING cache: No space left on device",
        "[WARN] x509: certificate signed by unknown authority",
        "INFO:root:cp: cannot write: No space left on device",
        "DEBUG x: ModuleNotFoundError: No module named 'x'",
    ],
)
def test_a_warning_is_no_cause(line: str) -> None:
    assert cause_of_lines([line, "no good"]) is None


def test_a_word_about_memory_that_no_runner_says_is_no_cause() -> None:
    assert cause_of_lines(["checked: not OOMKilled", "no good"]) is None
