"""How a script is asked for its help, and how it ends then."""

from __future__ import annotations

from typing import Any

from parser.model import Module

_HELPS: dict[str, dict[str, Any]] = {
    "argparse": {"word": "--help", "code": 0, "shows": "", "names_all": False},
    # absl prints its help and ends as if it had failed; only --helpfull names the flags of other modules.
    "absl": {"word": "--helpfull", "code": 1, "shows": "absl.flags:", "names_all": True},
}
"""How each kind of script is asked for its help, and how it ends then."""


def help_of(module: Module) -> dict[str, Any]:
    """How the script is asked for its help: by -h where its own option for that has no longer name."""
    known = _HELPS.get(module.framework, _HELPS["argparse"])
    asked = {flag for p in module.parameters if p.action == "help" and not p.subcommand for flag in p.flags}
    short = module.framework == "argparse" and "-h" in asked and "--help" not in asked
    return {**known, "word": "-h"} if short else known
