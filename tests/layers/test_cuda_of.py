"""A lock says which CUDA it holds, and how big that is."""

from __future__ import annotations

import pytest

from bot.layers.cuda import cuda_of
from bot.layers.lock import Lock, LockedWheel


def lock(*packages: str) -> Lock:
    wheels = []
    for package in packages:
        name, _, version = package.partition("==")
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        wheels.append(LockedWheel(name, version, file, "ab" * 32, 1000, f"https://x.example/{file}"))
    return Lock("3.12", "linux/amd64", tuple(wheels))


@pytest.mark.parametrize(
    ("packages", "version", "size"),
    [
        (("torch==2.5.1+cu124", "numpy==2.1"), "12.4", 1000),
        (("torch==2.5.1+cu118", "torchvision==0.20+cu118"), "11.8", 2000),
        (("torch==2.9", "nvidia-cublas-cu12==12.4", "nvidia-cudnn-cu12==9.1", "triton==3.1"), "12", 3000),
        (("cupy-cuda12x==13.3", "numpy==2.1"), "12", 1000),
        (("torch==3.0", "nvidia-cublas==13.0", "cuda-bindings==13.0"), None, 2000),
    ],
)
def test_cuda_is_found_with_its_version_and_size(
    packages: tuple[str, ...], version: str | None, size: int
) -> None:
    found = cuda_of(lock(*packages))
    assert found is not None
    assert (found.version, found.size) == (version, size)


@pytest.mark.parametrize(
    "packages",
    [
        (),
        ("numpy==2.1",),
        ("torch==2.5.1+cpu", "numpy==2.1"),
        ("triton==3.1",),
        ("nvidia-ml-py==12.5",),
        ("cutadapt==1",),
    ],
)
def test_what_needs_no_graphics_card_is_not_cuda(packages: tuple[str, ...]) -> None:
    assert cuda_of(lock(*packages)) is None
