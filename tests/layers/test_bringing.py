"""What a layer says that it brings must be enough to see who cannot clash."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.layers.bringing import MAX_WORDS, brings, brought, meetings
from bot.layers.values import Layer
from bot.layers.wheel import plan_wheels
from bot.layers.wheel_files import PlannedWheel, find_clashes
from tests.layers.making_wheels import PLACE, Recipe

NAMES = st.sampled_from(["a", "alpha", "beta", "__init__.py", "tests", "c.py"])
FILES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=1), max_size=5
)


def planned(folder: Path, name: str, files: dict[str, bytes], scripts: str = "") -> tuple[PlannedWheel, ...]:
    recipe = Recipe(files, name=name, entry_points=f"[console_scripts]\n{scripts}\n" if scripts else None)
    path = recipe.write(folder)
    return plan_wheels([(recipe.locked(path), path)], PLACE)


def is_tree(files: dict[str, bytes]) -> bool:
    """Whether no file is a folder of another one."""
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@given(FILES.filter(is_tree), FILES.filter(is_tree))
@settings(max_examples=60, deadline=None)
def test_those_who_do_not_meet_do_not_clash(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        alpha, beta = (
            planned(Path(folder), name, files) for name, files in (("alpha", one), ("beta", other))
        )
        errors = [clash for clash in find_clashes([*alpha, *beta]) if clash.severity == "error"]
        words = [
            brought(Layer("", 0, "", "", brings=brings(one, PLACE)), [each.wheel for each in one])
            for one in (alpha, beta)
        ]
        met = list(meetings(words))
        assert met == [(0, 1)] or not errors


def test_packages_are_said_whole_and_what_they_share_is_not(tmp_path: Path) -> None:
    files = {
        "google/one/__init__.py": b"",
        "google/one/deep/more.py": b"",
        "single.py": b"",
        "tests/a.py": b"",
    }
    said = brings(planned(tmp_path, "alpha", files, "run = alpha:main"), PLACE)
    assert said == ("../../../bin/run", "google/one", "single.py")


def test_many_files_are_said_by_fewer_folders(tmp_path: Path) -> None:
    files = {
        f"nvidia/alpha/{part}/{number}.so": b"" for part in ("lib", "bin") for number in range(MAX_WORDS)
    }
    said = brings(planned(tmp_path, "alpha", files), PLACE)
    assert said == ("nvidia/alpha/bin", "nvidia/alpha/lib")


def test_a_package_with_its_own_module_alone_says_nothing(tmp_path: Path) -> None:
    assert brings(planned(tmp_path, "alpha", {"alpha/__init__.py": b"", "alpha.libs/x.so": b""}), PLACE) == ()
    assert brings(planned(tmp_path, "beta", {"gamma.py": b""}), PLACE) == ("gamma.py",)
