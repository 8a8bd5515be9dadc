"""Why one requirement cannot be met, by what the indexes have of its package: wanted, found, why not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from bot.layers.index_pages import File
from bot.layers.wanted import target_words
from bot.layers.wheel_tags import Target
from parser.model import Place, Problem
from parser.problems import ascii_controls, problem
from parser.requirements.public import PYTORCH_CPU

MAX_LISTED = 5
"""Versions or Pythons that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a package: `words` as they stand, `place` where, `by` what needs it when nobody wrote it."""

    name: str
    specifier: str
    words: str
    place: Place | None
    by: str = ""

    @property
    def wanted(self) -> str:
        """The wish in a sentence."""
        needed = f" (needed by {self.by})" if self.by else ""
        return ascii_controls(f"{self.words}{needed}")[:200]


def why_not(
    wish: Wish, files: Sequence[File] | None, target: Target, *, pre: bool, near: Sequence[str] = ()
) -> Problem | None:
    """The problem of a wish; None where a file meets it. `files` is None when no index knows the package.

    `pre`: early versions are taken without being asked for; `near`: names of packages that there are.
    """
    if files is None:
        return _unknown(wish, near)
    specifier = _specifier(wish.specifier)
    exact = "==" in wish.specifier and "*" not in wish.specifier
    offered = [one for one in files if exact or not one.yanked]
    matching = [one for one in offered if _contains(specifier, one.version, files, pre)]
    if not matching:
        return _no_version(wish, files, offered, specifier, target)
    if any(_runs(one, target) for one in matching):
        return None
    wheels = [one for one in matching if one.wheel]
    if not wheels:
        return _only_sources(wish, offered, matching, target)
    return _no_wheel(wish, offered, wheels, target)


def newest_fitting(files: Iterable[File], target: Target) -> Version | None:
    """The newest version that has a wheel for the target; early ones only where there is nothing else."""
    versions = {one.version for one in files if not one.yanked and _runs(one, target)}
    return max(versions, key=lambda one: (not one.is_prerelease, one), default=None)


def _unknown(wish: Wish, near: Sequence[str]) -> Problem:
    if near:
        mend = f"Is {' or '.join(f'`{one}`' for one in near)} meant?"
    else:
        mend = "Correct the name; add `--extra-index-url ADDRESS` if the package is on an index of your own."
    return problem("requirement-unknown", wish.place, wanted=wish.wanted, name=wish.name, mend=mend)


def _no_version(
    wish: Wish, files: Sequence[File], offered: Sequence[File], specifier: SpecifierSet, target: Target
) -> Problem:
    taken_back = [one for one in files if one.yanked and specifier.contains(one.version, prereleases=True)]
    early = [one for one in offered if specifier.contains(one.version, prereleases=True)]
    found = _versions(one.version for one in offered)
    local = re.search(r"\+(cpu|cu\d{2,4})\b", wish.specifier)
    if local:
        address = PYTORCH_CPU.removesuffix("cpu") + local[1]
        mend = f"PyTorch keeps such versions elsewhere: add the line `--extra-index-url {address}`."
    elif early:
        mend = f"Write `{wish.name}=={max(one.version for one in early)}` if an early version is meant, or `--pre`."
    elif taken_back:
        found += f", and {_versions(one.version for one in taken_back)}, which its makers have taken back"
        mend = _take(wish, offered, target)
    else:
        mend = _take(wish, offered, target)
    return problem("requirement-version", wish.place, wanted=wish.wanted, found=found or "none", mend=mend)


def _only_sources(wish: Wish, offered: Sequence[File], matching: Sequence[File], target: Target) -> Problem:
    newest = max(matching, key=lambda one: one.version)
    why = f"there are only its sources ({newest.filename[:120]}), which must be built before they can be installed"
    entry = wish.name if not wish.by else f"{wish.name}=={newest.version}"
    mend = (
        f"Let a job build it: `build_sdists: [{entry}]` in .mlreef.yaml; the engine docker builds everything."
    )
    better = newest_fitting(offered, target)
    if better is not None and not wish.by:
        mend = f"Take {better}, which has a wheel; or let a job build it: `build_sdists: [{entry}]` in .mlreef.yaml."
    return problem("requirement-sources", wish.place, wanted=wish.wanted, why=why, mend=mend)


def _no_wheel(wish: Wish, offered: Sequence[File], wheels: Sequence[File], target: Target) -> Problem:
    version = max(one.version for one in wheels)
    pythons, elsewhere = _places([one for one in wheels if one.version == version], target)
    if pythons:
        found = f"wheels of {version} for Python {_listed(pythons)}"
        asked = f"or choose an environment with Python {pythons[-1]}"
    elif elsewhere:
        found = f"wheels of {version} for {', '.join(elsewhere)}"
        asked = "or choose an environment for which there is one"
    else:
        demands = sorted({one.requires_python for one in wheels if one.requires_python})
        found = f"wheels of {version} for Python {', '.join(demands) or 'of other versions'}"
        asked = "or choose an environment with such a Python"
    better = newest_fitting(offered, target)
    take = f"Take {better}, which has one, {asked}." if better else f"{asked[3].upper()}{asked[4:]}."
    return problem(
        "requirement-no-wheel",
        wish.place,
        wanted=wish.wanted,
        found=ascii_controls(found)[:300],
        target=target_words(target),
        mend=take,
    )


def _take(wish: Wish, offered: Sequence[File], target: Target) -> str:
    better = newest_fitting(offered, target)
    if better is None:
        return (
            f"None of them has a wheel for {target_words(target)}: do without the package, or ask its makers."
        )
    wanted = re.fullmatch(r"={2,3}([^*,]+)", wish.specifier)
    fitting = {one.version for one in offered if _runs(one, target)}
    try:
        asked = Version(wanted[1]) if wanted else None
    except ValueError:
        asked = None
    if asked is None:
        return f"The newest that runs there is {better}."
    below = max((one for one in fitting if one < asked), default=None)
    above = min((one for one in fitting if one > asked), default=None)
    near = " and ".join(str(one) for one in (below, above) if one is not None and one != better)
    return f"The newest that runs there is {better}" + (f"; nearest to {asked}: {near}." if near else ".")


def _runs(one: File, target: Target) -> bool:
    if not one.wheel or target.fit(one.filename) is None:
        return False
    return not one.requires_python or _python_fits(one.requires_python, target)


def _python_fits(demand: str, target: Target) -> bool:
    try:
        return SpecifierSet(demand).contains(f"{target.python}.0")
    except InvalidSpecifier:
        return True


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet()


def _contains(specifier: SpecifierSet, version: Version, files: Iterable[File], pre: bool) -> bool:
    # As the resolver has it: early ones where there is nothing else, or where the requirement itself names one.
    early = pre or bool(specifier.prereleases) or all(one.version.is_prerelease for one in files)
    return specifier.contains(version, prereleases=early)


def _places(wheels: Iterable[File], target: Target) -> tuple[list[str], list[str]]:
    """Versions of Python that have a wheel for the machine, and names of other systems that have one."""
    pythons: set[tuple[int, ...]] = set()
    elsewhere: set[str] = set()
    for one in wheels:
        try:
            _, _, _, tags = parse_wheel_filename(one.filename)
        except InvalidWheelFilename:
            continue
        for tag in tags:
            if tag.platform == "any" or ("linux" in tag.platform and tag.platform.endswith(target.machine)):
                if number := re.fullmatch(r"(?:cp|py)3(\d{1,2})", tag.interpreter):
                    pythons.add((3, int(number[1])))
            else:
                elsewhere.add(_system(tag.platform))
    return [f"{major}.{minor}" for major, minor in sorted(pythons)], sorted(elsewhere)


def _system(platform: str) -> str:
    if platform.startswith("macosx"):
        return "macOS"
    if platform.startswith("win"):
        return "Windows"
    return f"Linux on {platform.rpartition('_')[2]}" if "linux" in platform else platform


def _versions(versions: Iterable[Version]) -> str:
    ordered = sorted(set(versions))
    if len(ordered) <= MAX_LISTED:
        return _listed([str(one) for one in ordered])
    return f"{len(ordered)} versions from {ordered[0]} to {ordered[-1]}"


def _listed(words: Sequence[str]) -> str:
    if len(words) > MAX_LISTED:
        return f"{words[0]} to {words[-1]}"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
