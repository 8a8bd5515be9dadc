"""A headless Chromium, told what to show by chromedriver: pages of ours, at a width, looked at and photographed.

Both programs are the system's own (Debian: chromium, chromium-driver); nothing is fetched. No name resolves in this
browser, so a page that would load something cannot, and the attempt is in its log.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromedriver")
PAGE_SECONDS = 20
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-crash-reporter",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
"""`--no-sandbox`: root may not use Chromium's own; what is shown here comes from this repository."""


class NoBrowser(Exception):
    """Chromium or its driver is not there."""


class Browser:
    """One browser with a profile that is thrown away; `with Browser() as browser:`."""

    def __enter__(self) -> Self:
        chromium, driver = map(shutil.which, PROGRAMS)
        if chromium is None or driver is None:
            raise NoBrowser("chromium and chromedriver (Debian: apt-get install chromium chromium-driver)")
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            options = ChromeOptions()
            options.binary_location = chromium
            for flag in (*FLAGS, f"--user-data-dir={self._folder / 'profile'}"):
                options.add_argument(flag)
            options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
            self._chrome = Chrome(options, Service(driver))
            stack.callback(self._chrome.quit)
            self._chrome.set_page_load_timeout(PAGE_SECONDS)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, html: str, width: int, scale: float = 1.0) -> list[str]:
        """Open a page in a window of that many CSS pixels; gives the addresses that it asked for, its own left out."""
        file = self._folder / "page.html"
        file.write_text(html, "utf-8")
        self._command(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 1, "deviceScaleFactor": scale, "mobile": False},
        )
        self._asked()
        self._chrome.get(file.as_uri())
        return [address for address in self._asked() if address != file.as_uri()]

    def ask(self, script: str) -> Any:
        """What a function body of JavaScript returns on the page that is shown."""
        return self._chrome.execute_script(script)

    def photograph(self) -> bytes:
        """The whole page as PNG, however long it is."""
        size = self._command("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        taken = self._command("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        return base64.b64decode(taken["data"])

    def _command(self, name: str, arguments: dict[str, object]) -> Any:
        return self._chrome.execute_cdp_cmd(name, arguments)

    def _log(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._chrome.get_log("performance")  # type: ignore[no-untyped-call] # selenium's
        return entries

    def _asked(self) -> list[str]:
        entries = (json.loads(entry["message"])["message"] for entry in self._log())
        return [
            entry["params"]["request"]["url"]
            for entry in entries
            if entry["method"] == "Network.requestWillBeSent"
        ]
