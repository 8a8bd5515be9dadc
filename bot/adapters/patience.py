"""Looking at many projects, of which a few may be broken: one that answers with errors only must not end the look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import Gone, Refused, TryAgain
from bot.logs import get

MOST_FAILED = 10
"""Projects in a row that had to wait; then it is GitLab as a whole that does not answer."""

_log = get(__name__)


class Patience:
    """One project that says no, or answers only with errors, keeps nobody from the others; GitLab as a whole does."""

    def __init__(self) -> None:
        self._failed = 0

    @contextmanager
    def of(self, project_id: int) -> Iterator[None]:
        """Do this for one project. Raises TryAgain when it is the last of too many in a row that had to wait."""
        try:
            yield
        except (Refused, Gone) as refusal:
            _log.info("project cannot be looked at", project=project_id, why=str(refusal))
        except TryAgain as error:
            self._failed += 1
            if self._failed >= MOST_FAILED:
                raise
            _log.warning("project cannot be looked at now", project=project_id, why=str(error))
            return
        self._failed = 0
