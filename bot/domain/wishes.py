"""What a repository's requirements ask of their environment: CUDA, and versions of Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName

from bot.domain.engines import RUNS_NOTHING
from parser.model import Place, PythonWish, Report, Requirement, Requirements
from parser.requirements.public import PYTORCH_CPU

TORCH = frozenset({"torch", "torchvision", "torchaudio"})

_LOCAL = re.compile(r"\+cu(\d{2,3})\b", re.ASCII)
_IN_ADDRESS = re.compile(r"(?:^|[/+])cu(\d{2,3})(?=[/.-]|$)", re.ASCII)
_IN_NAME = re.compile(r"-cu(?:da)?(\d{2})x?(?:-|\Z)", re.ASCII)
_IN_EXTRA = re.compile(r"cuda(\d{2})?(?:[-_.](?:pip|local))?\Z", re.ASCII)
_VERSION = re.compile(r"\d{1,2}\.\d{1,2}", re.ASCII)
_INDEX = re.compile(r"(--index-url|--extra-index-url|--find-links) (\S+)")
_ON_CPU = {
    "tensorflow-gpu": "tensorflow-cpu",
    "onnxruntime-gpu": "onnxruntime",
    "faiss-gpu": "faiss-cpu",
    "paddlepaddle-gpu": "paddlepaddle",
    "cupy": None,
    "cuda-python": None,
    "pycuda": None,
    "tensorrt": None,
}
"""Packages that need CUDA, and what does the same without."""

_ANYWHERE = frozenset({"nvidia-ml-py", "nvidia-pyindex"})
"""Packages that come with no libraries of CUDA, and say so where there is no card."""

_LINUX = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
    "platform_release": "",
    "platform_version": "",
}
_PYTHONS = tuple(f"3.{minor}" for minor in range(8, 16))
"""Whatever Python reads this, in the bot or in a job, the same requirements count."""


@dataclass(frozen=True, slots=True)
class CudaWish:
    """Something that is made for CUDA: its version (`12.4`, `12`, None), who says so, and what to write for a CPU."""

    version: str | None
    word: str
    place: Place
    on_cpu: str

    @property
    def major(self) -> str | None:
        """The first number of the version."""
        return self.version.partition(".")[0] if self.version else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a repository asks of its environment besides a name."""

    cuda: CudaWish | None = None
    python: PythonWish | None = None

    @property
    def text(self) -> str:
        """The wish in few words, equal where the same environments fit; empty when any will do."""
        cuda = f"cuda {self.cuda.version or ''}".rstrip() if self.cuda else ""
        python = f"python {self.python.specifier}" if self.python else ""
        return ", ".join(filter(None, (cuda, python)))


def read_wish(report: Report) -> Wish:
    """The wish of a repository; none where its own Dockerfile says what it is built on."""
    if _brings_its_base(report):
        return Wish()
    requirements = report.module.requirements if report.module else None
    # conda brings a Python of its own
    python = None if requirements is not None and requirements.manager == "conda" else report.python
    return Wish(_cuda(requirements) if requirements else None, python)


def plain_torch(report: Report) -> Requirement | None:
    """A requirement of PyTorch that says neither CPU nor CUDA; on Linux it then brings some GB of CUDA libraries."""
    requirements = report.module.requirements if report.module else None
    if (
        requirements is None
        or _brings_its_base(report)
        or any("/whl/cpu" in option for option in requirements.options)
    ):
        return None
    for item in requirements.items:
        if item.normalized in TORCH and not item.url and "+" not in item.specifier and _counts(item):
            return item
    return None


def _brings_its_base(report: Report) -> bool:
    return report.dockerfile is not None and report.settings.engine != RUNS_NOTHING


def _cuda(requirements: Requirements) -> CudaWish | None:
    """The most exact of all that are made for CUDA, the first of those."""
    found = [*_in_options(requirements), *_in_items(requirements)]
    return max(found, key=lambda wish: len(wish.version or ""), default=None)


def _in_options(requirements: Requirements) -> Iterator[CudaWish]:
    for option in requirements.options:
        known = _INDEX.match(option)
        found = _IN_ADDRESS.search(known[2]) if known else None
        if known and found:
            address = known[2].replace(f"cu{found[1]}", "cpu")
            yield CudaWish(
                _dotted(found[1]),
                known[0],
                Place(requirements.file),
                f"Write `{known[1]} {address}` instead.",
            )


def _in_items(requirements: Requirements) -> Iterator[CudaWish]:
    for item in requirements.items:
        name = item.normalized
        if name is None or not _counts(item):
            continue
        shown = f"{item.name}{_extras(item)}{item.specifier}"
        local = _LOCAL.search(item.specifier) or (_IN_ADDRESS.search(item.url) if item.url else None)
        if local is not None:
            yield CudaWish(_dotted(local[1]), shown, item.place, _plain_wheel(item, name))
            continue
        extra = next(
            (found for one in item.extras if (found := _IN_EXTRA.match(one.removeprefix("and-")))), None
        )
        numbered = _IN_NAME.search(name)
        if extra is not None:
            mend = f"Write `{item.name}{item.specifier}` without `[{','.join(item.extras)}]`."
            yield CudaWish(extra[1], shown, item.place, mend)
        elif numbered is not None or (name.startswith("nvidia-") and name not in _ANYWHERE):
            yield CudaWish(numbered[1] if numbered else None, shown, item.place, _without(name, shown))
        elif name == "pytorch-cuda":
            version = _VERSION.search(item.specifier)
            yield CudaWish(
                version[0] if version else None, shown, item.place, "Write `cpuonly` in its place."
            )
        elif name in _ON_CPU:
            yield CudaWish(None, shown, item.place, _without(name, shown))


def _counts(item: Requirement) -> bool:
    """Whether the requirement's marker may be true on Linux, with some Python."""
    if item.marker is None:
        return True
    marker = Marker(item.marker)
    try:
        return any(marker.evaluate({**_LINUX, **_python(version)}) for version in _PYTHONS)
    except (UndefinedComparison, UndefinedEnvironmentName):
        return True


def _python(version: str) -> dict[str, str]:
    whole = f"{version}.0"
    return {"python_version": version, "python_full_version": whole, "implementation_version": whole}


def _plain_wheel(item: Requirement, name: str) -> str:
    if name in TORCH or item.url is None:
        version = _LOCAL.sub("+cpu" if name in TORCH else "", item.specifier)
        index = f" and, on a line of its own, `--extra-index-url {PYTORCH_CPU}`" if name in TORCH else ""
        return f"Write `{item.name}{version}`{index}."
    return f"Write the version of {item.name} that you need (`{item.name}==VERSION`) instead of the address."


def _without(name: str, shown: str) -> str:
    base = re.sub(r"-cu(?:da)?\d{2}x?\Z", "", name)
    other = _ON_CPU.get(base)
    return (
        f"Write `{other}` instead of `{shown}`."
        if other
        else f"Remove `{shown}`: it is of use with CUDA only."
    )


def _extras(item: Requirement) -> str:
    return f"[{','.join(item.extras)}]" if item.extras else ""


def _dotted(digits: str) -> str:
    """`124` → `12.4`, `12` → `12`, as the names of wheels have it."""
    return f"{digits[:2]}.{digits[2:]}" if len(digits) > 2 else digits
