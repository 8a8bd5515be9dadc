"""The sample of mlopen: its image trains, runs on new reviews, and what it found is shown."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

from sandbox.demo import images, story
from sandbox.demo.terminal import Terminal
from sandbox.images.running import Order, Way

SAMPLE = Path(__file__).parents[2] / "samples" / "mlopen-sentiment"
LEARNT, GIVEN = "reviews.csv", "new-reviews.txt"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PHOTOGRAPH_SECONDS = 60
WINDOW = "1000,1750"
"""Pixels across and down; the whole report of the sample."""

_BUNDLE = re.compile(r"run --model (\S+@sha256:[0-9a-f]{64})$", re.MULTILINE)

Extra = list[tuple[str, str]]
"""Lines of the summary: a word, and what it stands for."""


def train_and_run(way: Way, image: str, folder: Path, terminal: Terminal) -> tuple[bool, Extra]:
    """Both commands of the image, on the sample's own data; whether they did, and where the results are."""
    shared = folder / "result"
    shared.mkdir()
    # The image's user is another one than the person who runs the demo.
    shared.chmod(0o777)
    said: list[str] = []

    def run(*words: str) -> bool:
        order = Order(
            image,
            arguments=words,
            binds=((SAMPLE.resolve(), "/data", False), (shared.resolve(), "/result", True)),
        )
        terminal.tell(story.step(f"run IMAGE {' '.join(words)}"))
        said.clear()

        def tell(line: str) -> None:
            said.append(line)
            terminal.tell(story.job_line("the module", line))

        code = images.run_published(way, order, tell)
        if code:
            terminal.tell(story.went_wrong(f"the image ended with exit code {code}"))
        return code == 0

    if not run("train", "--input-path", f"/data/{LEARNT}", "--output-path", "/result/trained"):
        return False, []
    bundle = _BUNDLE.search("\n".join(said))
    if bundle is None:
        terminal.tell(story.went_wrong("the training names no bundle"))
        return False, []
    terminal.tell(story.happened("it has learnt, and says by which hash what it learnt can be used"))
    words = ("run", "--input-path", f"/data/{GIVEN}", "--model", bundle[1], "--output-path", "/result/found")
    if not run(*words):
        return False, []
    _show_table(shared / "found", terminal)
    return True, _show_report(shared / "found" / "report.html", folder, terminal)


def _show_table(found: Path, terminal: Terminal) -> None:
    rows = list(csv.reader(io.StringIO((found / "preds.csv").read_text("utf-8"), newline="")))
    terminal.tell("", *(f"    {line}" for line in story.table(rows[0], rows[1:])), "")
    graphs = json.loads((found / "preds.json").read_text("utf-8"))["graphs"]
    terminal.tell(story.happened(f"{len(rows) - 1} reviews and {len(graphs)} graphs are in its report"))


def _show_report(report: Path, folder: Path, terminal: Terminal) -> Extra:
    """The report, and its picture where there is a browser to take one."""
    kept = [("report", report.as_uri())]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        terminal.tell(story.step("no Chromium is here to show the report (Debian: apt-get install chromium)"))
        return kept
    picture = folder / "report.png"
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *(f"--user-data-dir={folder / 'browser'}", f"--window-size={WINDOW}", f"--screenshot={picture}"),
        report.as_uri(),
    ]
    try:
        subprocess.run(command, check=False, capture_output=True, timeout=PHOTOGRAPH_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        terminal.tell(story.step(f"Chromium took no picture of the report: {error}"))
    if not picture.exists():
        terminal.tell(story.step(f"there is no picture of the report; {browser} shows it"))
        return kept
    terminal.tell(story.happened(f"the report as a browser shows it: {picture}"))
    return [("picture", str(picture)), *kept]
