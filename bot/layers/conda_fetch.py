"""A conda package over HTTPS, by rattler, checked by its hash before anybody sees it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.errors import TryAgain
from bot.layers.addresses import Account
from bot.layers.conda_client import open_client
from bot.layers.lock import LockedConda

PARALLEL = 4
"""Packages at one time."""

Told = Callable[[int, int], None]
"""(bytes that are there, bytes of all)."""


def fetch_conda(
    packages: Iterable[LockedConda],
    folder: Path,
    accounts: tuple[Account, ...] = (),
    told: Told | None = None,
) -> dict[LockedConda, Path]:
    """Fetches packages into a folder; those that are there and as locked are not fetched again.

    Raises TryAgain when one cannot be had, or is not what the lock says.
    """
    wanted = tuple(packages)
    paths = {package: folder / f"{package.sha256[:16]}-{package.filename}" for package in wanted}
    asyncio.run(_fetch_all(paths, accounts, told))
    return paths


async def _fetch_all(
    paths: dict[LockedConda, Path], accounts: tuple[Account, ...], told: Told | None
) -> None:
    from rattler.package_streaming import download_to_path

    client = open_client(accounts)
    places = asyncio.Semaphore(PARALLEL)
    total, done = sum(package.size for package in paths), 0

    async def fetch(package: LockedConda, path: Path) -> None:
        nonlocal done
        async with places:
            if not await asyncio.to_thread(_is_whole, path, package):
                partial = path.with_name(path.name + ".part")
                try:
                    await download_to_path(client, package.url, partial)
                except (OSError, RuntimeError) as error:
                    raise TryAgain(f"{package.url} cannot be fetched: {type(error).__name__}.") from error
                if not await asyncio.to_thread(_is_whole, partial, package):
                    partial.unlink()
                    raise TryAgain(
                        f"{package.url} is not the package that the lock names: its hash is another one."
                    )
                partial.replace(path)
        done += package.size
        if told is not None:
            told(done, total)

    largest_first = sorted(paths.items(), key=lambda pair: -pair[0].size)
    await asyncio.gather(*(fetch(package, path) for package, path in largest_first))


def _is_whole(path: Path, package: LockedConda) -> bool:
    if not path.is_file() or path.stat().st_size != package.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256
