"""Forms of words that the operator's configuration and a generated file must both have."""

from __future__ import annotations

PYTHON = r"3\.\d{1,2}"
"""A version of Python that images are built for, such as `3.12`."""

WHEEL_PLATFORM = r"(?:manylinux|musllinux)_\d{1,2}_\d{1,2}"
"""A platform tag of wheels without its architecture, such as `manylinux_2_28`."""

EXECUTABLE = r"(?:/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+"
"""An absolute path without ways up, such as `/usr/local/bin/python3.12`."""

CUDA = r"\d{1,2}\.\d{1,2}"
"""A version of CUDA, such as `12.4`."""

DEFAULT_WHEELS = "manylinux_2_28"
"""The platform tag of wheels that run on any Linux of glibc 2.28 (2018) and later."""
