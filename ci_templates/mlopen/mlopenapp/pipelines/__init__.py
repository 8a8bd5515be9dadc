"""The folder of the control file, as mlopen had it; processes that the control file starts find it as well."""

from __future__ import annotations

import os

FOLDER_VARIABLE = "MLOPEN_PIPELINES"

__path__ = [os.environ[FOLDER_VARIABLE]] if FOLDER_VARIABLE in os.environ else []
