"""How a module's image is started: the words between its Python and those of whoever runs it, and what they need there.

One script is run by its path. Of several, the first word of whoever runs the image selects one: the launcher
(ci_templates/entry.py) does that. Functions of a control file are called by the runner (ci_templates/mlopen/).
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping

from ci_templates import mlopen_files, read_template
from parser.model import MLOPEN, Module

RUNTIME = "/opt/mlreef"
"""Where our own files lie in an image; they belong to root."""

LAUNCHER = f"{RUNTIME}/entry.py"
RUNNER = f"{RUNTIME}/mlopen/runner.py"


def start_words(module: Module, folder: str) -> tuple[str, ...]:
    """The words behind Python; `folder`: where the repository lies in the image."""
    if module.framework == MLOPEN:
        return (RUNNER, posixpath.join(folder, module.main))
    if module.launched:
        scripts = (f"{one.role}={posixpath.join(folder, one.file)}" for one in module.entry_points)
        return (LAUNCHER, *scripts, "--")
    return (posixpath.join(folder, module.main),)


def own_files(module: Module) -> Mapping[str, bytes]:
    """Our own files in its image, by their paths below RUNTIME; none where the script is run by its path."""
    if module.framework == MLOPEN:
        return {f"mlopen/{path}": content for path, content in sorted(mlopen_files().items())}
    return {"entry.py": read_template("entry.py").encode()} if module.launched else {}


def started_as(module: Module) -> str:
    """What starts it, as one text that changes whenever the image would be started otherwise."""
    if not module.launched:
        return module.main
    hashed = hashlib.sha256()
    for path, content in own_files(module).items():
        hashed.update(f"{path}\0{len(content)}\0".encode() + content)
    return "\n".join((*start_words(module, ""), hashed.hexdigest()))


def runs(module: Module) -> str:
    """Which scripts run it, in words: `main.py`, or each with its role."""
    if not module.launched:
        return module.main
    return ", ".join(f"{one.file} ({one.role})" for one in module.entry_points)
