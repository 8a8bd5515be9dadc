"""Repositories are read where they can end nothing but their own reading."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.adapters.reader import SIDE_BY_SIDE, SPARE, Allowance, Reader
from bot.errors import TryAgain
from parser.examples import EXAMPLES, example_source
from parser.limits import Limits
from parser.packing import pack_report, unpack_report
from parser.read import read
from parser.source import Entry, Source
from tests.parser.hostile_files import READABLE_BUT_USELESS, UNREADABLE

HEAD = "import argparse\nparser = argparse.ArgumentParser()\n"
TAIL = "\nif __name__ == '__main__':\n    parser.parse_args()\n"
MEMORY = 300 * 1024 * 1024
SECONDS = 2.0
ENDLESS = Limits(steps=100_000_000)


def source(text: str, limits: Limits | None = None) -> Source:
    contents = {"run.py": (HEAD + text + TAIL).encode(), "requirements.txt": b""}
    return Source({path: Entry(path, "file") for path in contents}, contents, limits or Limits())


GOOD = source("parser.add_argument('--size', type=int, default='3')\n")
SLOW = source(
    "for a in range(9999):\n    for b in range(9999):\n        parser.set_defaults(x=a * b)\n", ENDLESS
)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader(Allowance(SECONDS, MEMORY))
    made.start()
    yield made
    made.close()


def children(of: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split()]


def nursery(reader: Reader) -> int:
    process = reader._process
    assert process is not None
    return process.pid


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def kill_all(pids: list[int]) -> int:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSEGV)
    return len(pids)


def busy(reader: Reader) -> int:
    """The child that works: it has used most of the core."""

    def used(pid: int) -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11])

    wait_for(lambda: any(used(pid) > 20 for pid in children(nursery(reader))))
    return max(children(nursery(reader)), key=used)


def test_a_report_is_the_one_that_the_parser_gives(reader: Reader) -> None:
    assert reader.read(GOOD, "p") == read(GOOD, "p")


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_every_report_survives_the_way_between_processes(code: str) -> None:
    report = read(example_source(EXAMPLES[code], EXAMPLES[code].text), "p")
    assert unpack_report(pack_report(report)) == report


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"$":"os","=":1}', b'{"$":"Place","=":{"line":1}}', b"[" * 99999, b"\xff"],
)
def test_what_is_no_report_is_not_taken_for_one(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_report(content)


def test_a_hostile_file_gets_its_own_problem_within_time_and_memory(reader: Reader) -> None:
    given_up = []
    for name, text in {**UNREADABLE, **READABLE_BUT_USELESS}.items():
        report = reader.read(source(text), "p")
        if any(problem.code == "reading-given-up" for problem in report.problems):
            given_up.append(name)
    assert given_up == []


def test_a_time_out_costs_one_reading_and_names_the_file() -> None:
    with_little_time = Reader(Allowance(seconds=0.5))
    report = with_little_time.read(SLOW, "p")
    assert [problem.code for problem in report.problems] == ["reading-given-up"]
    assert "0.5 seconds; run.py was read last" in report.problems[0].message
    assert report.refused
    assert with_little_time.read(GOOD, "p").module is not None
    with_little_time.close()


def test_too_much_memory_costs_one_reading() -> None:
    with_little_memory = Reader(Allowance(memory_bytes=16 * 1024 * 1024))
    report = with_little_memory.read(large(30), "p")
    assert "16 MiB of memory" in report.problems[0].message
    assert with_little_memory.read(GOOD, "p").module is not None
    with_little_memory.close()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_of_the_interpreter_costs_one_reading(reader: Reader, number: signal.Signals) -> None:
    reports = []
    thread = threading.Thread(target=lambda: reports.append(reader.read(SLOW, "p")))
    thread.start()
    os.kill(busy(reader), number)
    thread.join(timeout=30)
    assert "crashed" in reports[0].problems[0].message
    assert reader.read(GOOD, "p").module is not None


def test_a_child_that_somebody_ended_is_no_fault_of_the_repository(reader: Reader) -> None:
    caught: list[type[BaseException]] = []

    def work() -> None:
        try:
            reader.read(SLOW, "p")
        except TryAgain as error:
            caught.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    os.kill(busy(reader), signal.SIGKILL)
    thread.join(timeout=30)
    assert caught == [TryAgain]


def test_children_and_nursery_that_ended_while_they_waited_are_replaced(reader: Reader) -> None:
    reader.read(GOOD, "p")
    wait_for(lambda: kill_all(children(nursery(reader))) == 0)
    assert reader.read(GOOD, "p").module is not None
    os.kill(nursery(reader), signal.SIGKILL)
    time.sleep(0.1)
    assert reader.read(GOOD, "p").module is not None


def test_many_at_once_do_not_get_each_others_answers(reader: Reader) -> None:
    found: dict[int, str] = {}

    def work(number: int) -> None:
        report = reader.read(source(f"parser.add_argument('--x{number}')\n"), f"project {number}")
        assert report.module is not None
        found[number] = f"{report.module.name} {report.module.parameters[-1].name}"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(SIDE_BY_SIDE * 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == {number: f"project {number} x{number}" for number in range(SIDE_BY_SIDE * 4)}


def test_a_child_has_no_secret_and_no_files_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLREEF_GITLAB__TOKEN", "canary-token")
    with (tmp_path / "database").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        fresh = Reader()
        fresh.start()
        wait_for(lambda: len(children(nursery(fresh))) == SPARE)
        pid = children(nursery(fresh))[0]
        wait_for(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) == 4)
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()
        opened = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
        assert str(tmp_path / "database") not in opened
    ended = nursery(fresh)
    fresh.close()
    wait_for(lambda: not Path(f"/proc/{ended}").exists())
    wait_for(lambda: not Path(f"/proc/{pid}").exists())


def large(mebibytes: int) -> Source:
    contents = {f"m{number}.py": b"#" * 1024 * 1024 for number in range(mebibytes)}
    contents |= GOOD.contents
    return Source({path: Entry(path, "file") for path in contents}, contents)


def test_the_largest_source_is_sent_whole(reader: Reader) -> None:
    assert reader.read(large(60), "p").module is not None


def test_limits_go_along(reader: Reader) -> None:
    few = Source(SLOW.entries, SLOW.contents, Limits(steps=2000))
    assert "more than 2000 steps" in next(
        p.message for p in reader.read(few, "p").problems if p.code == "file-unfollowed"
    )
