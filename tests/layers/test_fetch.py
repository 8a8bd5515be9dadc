"""Wheels are fetched once, gone on with where they broke off, and kept only as they are locked."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import OperatorError, TryAgain
from bot.layers.addresses import Account
from bot.layers.fetch import WheelGone, fetch_size, fetch_wheel, fetch_wheels
from bot.layers.lock import LockedWheel
from bot.layers.web import Web
from tests.layers.package_index import PackageIndex, make_certificate, served

PRIVATE = ("reader", "s3cret-word")


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with served(PackageIndex()) as found:
        yield found


@pytest.fixture
def web() -> Iterator[Web]:
    with Web(environ={}, pause=0.01) as found:
        yield found


def locked(index: PackageIndex, name: str, **change: object) -> LockedWheel:
    (filename, shelf), *_ = index.packages[name].items()
    words: dict[str, object] = {
        "name": name,
        "version": "1.0",
        "filename": filename,
        "sha256": shelf.sha256,
        "size": len(shelf.content),
        "url": index.file_url(filename),
    }
    return LockedWheel(**(words | change))  # type: ignore[arg-type]  # the words above


def test_several_wheels_are_fetched_and_their_bytes_are_told(
    index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    wheels = {}
    for name in ("one", "two", "three"):
        index.add(name, "1.0", size=100_000)
        wheels[locked(index, name)] = tmp_path / f"{name}.whl"
    told: list[tuple[int, int]] = []
    fetch_wheels(web, wheels, lambda done, total: told.append((done, total)))
    for wheel, path in wheels.items():
        assert path.read_bytes() == index.packages[wheel.name][wheel.filename].content
    total = sum(wheel.size for wheel in wheels)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    before = len(index.requests)
    fetch_wheels(web, wheels)
    assert len(index.requests) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.whl", "three.whl", "two.whl"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_wheel_that_breaks_off_is_gone_on_with(
    ranges: bool, index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    index.ranges = ranges
    index.add("long", "1.0", size=900_000)
    wheel = locked(index, "long")
    index.break_off[wheel.filename] = 600_000
    told: list[int] = []
    fetch_wheel(web, wheel, tmp_path / "long.whl", lambda done, _: told.append(done))
    assert (tmp_path / "long.whl").stat().st_size == wheel.size
    assert told[-1] == wheel.size
    assert len(index.requests) == 2


def test_a_busy_server_is_asked_again_and_one_that_stays_so_is_nobodys_fault(
    index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    index.add("busy", "1.0")
    index.busy = 2
    fetch_wheel(web, locked(index, "busy"), tmp_path / "busy.whl")
    assert (tmp_path / "busy.whl").exists()
    index.busy = 1000
    with pytest.raises(TryAgain, match="answers 503"):
        fetch_wheel(web, locked(index, "busy"), tmp_path / "again.whl")


@pytest.mark.parametrize(
    "change",
    [{"sha256": "0" * 64}, {"size": 100}, {"url": "http://127.0.0.1/gone.whl"}, {"size": 10_000_000}],
)
def test_another_file_than_the_locked_one_is_not_kept(
    change: dict[str, object], index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    index.add("other", "1.0")
    if "url" in change:
        change = {"url": index.file_url("gone.whl")}
    wheel = locked(index, "other", **change)
    with pytest.raises((WheelGone, TryAgain)) as gone:
        fetch_wheel(web, wheel, tmp_path / "other.whl")
    assert not (tmp_path / "other.whl").exists()
    assert wheel.filename in str(gone.value)


def test_a_wheel_with_another_hash_is_told_to_its_author(
    index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    index.add("swapped", "1.0")
    with pytest.raises(WheelGone) as gone:
        fetch_wheel(web, locked(index, "swapped", sha256="0" * 64), tmp_path / "swapped.whl")
    assert gone.value.problem.code == "requirement-unresolved"
    assert "gives a file with another hash" in gone.value.problem.message
    assert list(tmp_path.iterdir()) == []


def test_a_password_goes_to_its_index_and_not_to_where_that_redirects(tmp_path: Path) -> None:
    store = PackageIndex()
    index = PackageIndex(account=PRIVATE)
    for one in (store, index):
        one.add("ours", "1.0")
    with served(store), served(index):
        index.moved_to = store.url.replace("127.0.0.1", "localhost")
        with Web([Account(f"{index.url}/simple", *PRIVATE)], {}) as web:
            fetch_wheel(web, locked(index, "ours"), tmp_path / "ours.whl")
        assert index.accounts_seen() == {":".join(PRIVATE)}
        assert store.accounts_seen() == {""}
        with Web((), {}) as stranger, pytest.raises(OperatorError, match="status 401"):
            fetch_wheel(stranger, locked(index, "ours"), tmp_path / "stolen.whl")


@pytest.mark.parametrize(
    "nowhere", ["http://[x", "http://localhost:99999", "http://localhost:abc", "http://\x1b[2J"]
)
def test_a_server_that_redirects_to_what_is_no_address_is_at_fault(
    index: PackageIndex, tmp_path: Path, nowhere: str
) -> None:
    index.add("one", "1.0")
    index.moved_to = nowhere
    with (
        Web([Account(f"{index.url}/simple", *PRIVATE)], {}, pause=0.0) as web,
        pytest.raises(TryAgain, match="redirects to what is no address"),
    ):
        fetch_wheel(web, locked(index, "one"), tmp_path / "one.whl")


def test_of_two_accounts_at_one_host_the_one_of_the_nearer_path_is_sent() -> None:
    with served(PackageIndex()) as index:
        index.add("ours", "1.0")
        accounts = [
            Account(f"{index.url}/simple", "right", "one"),
            Account(f"{index.url}/other/7", "wrong", "two"),
        ]
        with Web(accounts, {}) as web:
            web.read(f"{index.url}/simple/ours/", 10_000)
        assert index.accounts_seen() == {"right:one"}


def test_a_wheel_of_the_job_before_must_lie_there_as_it_is_locked(
    index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    content = index.add("made", "1.0").content
    url = ".mlreef/wheels/made-1.0-py3-none-any.whl"
    wheel = locked(index, "made", url=url)
    path = tmp_path / url
    path.parent.mkdir(parents=True)
    with pytest.raises(WheelGone, match="no job before this one left it"):
        fetch_wheel(web, wheel, path)
    path.write_bytes(content)
    fetch_wheel(web, wheel, path)
    assert path.read_bytes() == content
    assert index.requests == []


def test_a_size_is_found_by_counting_where_it_is_not_said(index: PackageIndex, web: Web) -> None:
    shelf = index.add("sized", "1.0")
    assert fetch_size(web, index.file_url("sized-1.0-py3-none-any.whl")) == len(shelf.content)
    assert [method for method, _, _ in index.requests] == ["HEAD"]


def test_a_full_disk_is_the_operators_and_leaves_nothing_behind(
    index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    index.add("big", "1.0", size=3_000_000)
    wheel = locked(index, "big")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ, so that a write beyond the limit is an error like that of a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OperatorError, match="disk is full"):
            fetch_wheel(web, wheel, tmp_path / "big.whl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_page_without_end_is_not_read_to_its_end(index: PackageIndex, web: Web) -> None:
    index.add("endless", "1.0", size=400_000)
    with pytest.raises(ValueError, match="more than 97 KiB"):
        web.read(index.file_url("endless-1.0-py3-none-any.whl"), 100_000)


def test_a_certificate_that_nobody_vouches_for_is_the_operators(
    index: PackageIndex, web: Web, tmp_path: Path
) -> None:
    certificate, context = make_certificate(tmp_path)
    secure = PackageIndex()
    secure.add("sealed", "1.0")
    with served(secure, context):
        wheel = locked(secure, "sealed")
        with pytest.raises(OperatorError, match=r"certificate of localhost:\d+ is not trusted"):
            fetch_wheel(web, wheel, tmp_path / "sealed.whl")
        with Web((), {"SSL_CERT_FILE": str(certificate)}) as trusting:
            fetch_wheel(trusting, wheel, tmp_path / "sealed.whl")
    assert (tmp_path / "sealed.whl").stat().st_size == wheel.size
