"""What people see of a long build."""

from __future__ import annotations

import io

from bot.progress import Lines, Screen, size

MIB = 1024 * 1024


def test_a_log_has_a_line_now_and_then() -> None:
    lines: list[str] = []
    now = [0.0]
    voice = Lines(lines.append, lambda: now[0])
    for second in range(40):
        now[0] = float(second)
        voice.moving("fetching torch 2.1", second * 10 * MIB, 400 * MIB)
    voice.moving("fetching torch 2.1", 400 * MIB, 400 * MIB)
    voice.moving("fetching six 1.16", 11, 11_000)
    assert lines == [
        "  fetching torch 2.1: 0 bytes of 400.0 MiB",
        "  fetching torch 2.1: 150.0 MiB of 400.0 MiB",
        "  fetching torch 2.1: 300.0 MiB of 400.0 MiB",
        "  fetching torch 2.1: 400.0 MiB of 400.0 MiB",
    ]


def test_a_terminal_has_one_line_that_changes() -> None:
    stream = io.StringIO()
    now = [0.0]
    screen = Screen(stream, lambda: now[0])
    for _ in range(3):
        now[0] += 1
        screen.moving("fetching torch 2.1", int(now[0]) * MIB, 4 * MIB)
    screen.say("A sentence\x1b[31m that stays")
    now[0] += 1
    screen.moving("fetching torch 2.1", 4 * MIB, 4 * MIB)
    written = stream.getvalue()
    assert written.count("\n") == 1
    assert "3.0 MiB of 4.0 MiB" in written
    assert "A sentence\\x1b[31m that stays\n" in written
    assert "\x1b[31m" not in written
    assert written.endswith("that stays\n"), "what is through leaves the line"


def test_what_broke_off_leaves_the_line_to_whoever_says_why() -> None:
    stream = io.StringIO()
    screen = Screen(stream, lambda: 1.0)
    screen.moving("fetching torch 2.1", MIB, 4 * MIB)
    screen.end()
    stream.write("error: away\n")
    assert stream.getvalue().endswith("\r\x1b[Kerror: away\n")


def test_sizes_are_legible() -> None:
    assert [size(count) for count in (5, 5_300, 5 * MIB, 5 * 1024 * MIB)] == [
        "5 bytes",
        "5.2 KiB",
        "5.0 MiB",
        "5.00 GiB",
    ]


def test_a_name_of_a_file_is_no_line_of_ours_in_a_log() -> None:
    lines: list[str] = []
    voice = Lines(lines.append)
    voice.say("evil\x1b[2J\nmlreef-bot: fine\u202e is left out")
    voice.moving("sending \x1b[2J", 0, 100 * MIB)
    assert lines == [
        r"evil\x1b[2J\nmlreef-bot: fine\u202e is left out",
        r"  sending \x1b[2J: 0 bytes of 100.0 MiB",
    ]
