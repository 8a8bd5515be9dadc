"""The catalogue's tables: what is listed is found, by those who may be shown it, in one order, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.store import Store
from bot.domain.catalogue import Among, ListedModule, ListedVersion, Query, VersionState
from bot.domain.catalogue_words import cursor_of, cut, read_cursor, sort_key, terms_of, words_of

PUBLIC = Among(frozenset({"public"}))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.prepare(database_url)
    yield opened
    opened.close()


def version(project: int = 1, number: int = 3, state: VersionState = VersionState.PUBLISHED) -> ListedVersion:
    return ListedVersion(
        project_id=project,
        branch="master",
        number=number,
        version=f"1.{number}.0",
        sha="a" * 40,
        digest=f"sha256:{'b' * 64}",
        image="registry.example.com/lab/add-noise",
        size=1234,
        state=state,
        published_at=1000.0 + number,
        pipeline_id=77,
        environment="Python 3.12",
    )


def module(
    project: int = 1, name: str = "Add Noise", model_type: str = "", ml_category: str = ""
) -> ListedModule:
    return ListedModule(
        project_id=project,
        path=f"lab/module-{project}",
        web_url=f"https://gitlab.example.com/lab/module-{project}",
        visibility="public",
        name=name,
        slug=name.lower().replace(" ", "-"),
        kind="OPERATION",
        input_type="IMAGE",
        output_type="IMAGE",
        description="Adds speckles to pictures.",
        author="MLReef",
        topics=("augmentation",),
        parameters=("input-path", "mode"),
        readme="# Add Noise\n",
        newest=version(project),
        updated_at=1003.0,
        model_type=model_type,
        ml_category=ml_category,
    )


def names(found: tuple[ListedModule, ...]) -> list[str]:
    return [one.name for one in found]


def test_what_is_listed_is_there_as_it_was_given(store: Store) -> None:
    versions = (version(number=3), version(number=2, state=VersionState.UNPUBLISHED))
    store.list_module(module(), versions)
    assert store.listed(1) == module()
    assert store.listed_by_path("/LAB/Module-1") == module()
    assert store.listed_versions(1) == versions
    assert store.listed_projects() == (1,)
    assert store.listed(2) is store.listed_by_path("lab/module-2") is store.listed_by_path("") is None
    assert store.listed_by_path("lab/\0") is None


def test_listing_again_leaves_nothing_of_before(store: Store) -> None:
    store.list_module(module(), [version(number=3), version(number=2)])
    anew = replace(module(name="Blur"), description="", newest=version(number=4), path="lab/blur")
    store.list_module(anew, [version(number=4)])
    assert store.listed(1) == anew
    assert store.listed_versions(1) == (version(number=4),)
    assert store.search(Query("speckles"), PUBLIC) == ()
    assert names(store.search(Query("blur"), PUBLIC)) == ["Blur"]
    assert store.listed_by_path("lab/module-1") is None


def test_what_is_delisted_is_gone_and_may_be_delisted_twice(store: Store) -> None:
    store.list_module(module(), [version()])
    store.delist(1)
    store.delist(1)
    assert store.listed(1) is None
    assert store.listed_versions(1) == store.search(Query(), PUBLIC) == store.listed_projects() == ()


def test_a_path_that_another_project_has_now_is_no_longer_the_first_ones(store: Store) -> None:
    store.list_module(replace(module(2), path="lab/noise"), [])
    store.list_module(replace(module(1), path="lab/noise"), [])
    found = store.listed_by_path("lab/noise")
    assert found is not None
    assert found.project_id == 1


def test_a_module_without_any_version_to_be_had_is_kept_and_not_found(store: Store) -> None:
    store.list_module(replace(module(), newest=None), [version(state=VersionState.UNPUBLISHED)])
    assert store.listed(1) == replace(module(), newest=None)
    assert store.search(Query(), PUBLIC) == ()
    assert store.search(Query("noise"), Among(frozenset({"public"}), frozenset({1}))) == ()


@pytest.mark.parametrize(
    "query",
    [
        Query("noise"),
        Query("NOI add"),
        Query("spec"),
        Query("lab/module-1"),
        Query("input_path"),
        Query("mlreef"),
        Query(kind="operation"),
        Query(input_type="IMAGE", output_type="image"),
        Query(parameter="mode"),
        Query(parameter="--mode"),
        Query(topic="Augmentation"),
        Query("noise", kind="OPERATION", parameter="input-path"),
        Query(model_type="TIME_SERIES", ml_category="audio"),
        Query("  ?!  "),
    ],
)
def test_a_module_is_found_by_what_it_has(store: Store, query: Query) -> None:
    store.list_module(module(model_type="TIME_SERIES", ml_category="AUDIO"), [version()])
    assert names(store.search(query, PUBLIC)) == ["Add Noise"]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("图像降噪", "降噪"),
        ("ノイズ除去", "除去"),
        ("ตัวกรองภาพ", "กรอง"),
        ("हिन्दी पाठ", "हिन्दी"),
        ("ЧАСТЬ речи", "часть"),
        ("ضجيج الصورة", "الصورة"),
        ("잡음 추가", "추가"),
    ],
)
def test_a_name_in_any_script_is_found_by_its_words(store: Store, name: str, asked: str) -> None:
    store.list_module(module(name=name), [version()])
    assert names(store.search(Query(asked), PUBLIC)) == [name]


def test_a_word_with_signs_above_and_below_is_one_word() -> None:
    assert list(cut("हिन्दी पाठ ❤\ufe0f")) == ["हिन्दी", "पाठ"]


@pytest.mark.parametrize(
    "query",
    [
        Query("oise"),
        Query("noise audio"),
        Query(kind="ALGORITHM"),
        Query(parameter="mod"),
        Query(parameter="input"),
        Query(topic="augment"),
        Query("=kind:operation-2"),
        Query(kind="\0"),
        Query("%"[:0] + "noise\0audio"),
    ],
)
def test_a_module_is_not_found_by_what_it_lacks(store: Store, query: Query) -> None:
    store.list_module(module(), [version()])
    assert store.search(query, PUBLIC) == ()


def test_only_what_somebody_may_be_shown_is_found(store: Store) -> None:
    for number, visibility in enumerate(("public", "internal", "private"), 1):
        store.list_module(replace(module(number, visibility), visibility=visibility), [version(number)])
    found = store.search
    assert names(found(Query(), PUBLIC)) == ["public"]
    assert names(found(Query("speckles"), Among(frozenset({"public", "internal"})))) == ["internal", "public"]
    assert names(found(Query("add speckles"), Among(frozenset(), frozenset({3, 9})))) == ["private"]
    assert names(found(Query(), Among(frozenset({"public"}), frozenset({1, 3})))) == ["private", "public"]
    assert found(Query(), Among(frozenset())) == found(Query(), Among(frozenset({""}))) == ()


def test_a_list_goes_on_behind_the_last_one_seen_however_many_share_its_name(store: Store) -> None:
    for number in range(1, 8):
        store.list_module(module(number, "Same" if number % 2 else f"Other {number}"), [version(number)])
    seen: list[int] = []
    after = None
    while page := store.search(Query("speckles"), Among(frozenset({"public"}), frozenset({3})), after, 2):
        seen += [one.project_id for one in page]
        after = cursor_of(page[-1])
    assert seen == [2, 4, 6, 1, 3, 5, 7]


@pytest.mark.parametrize(
    "text", ["x", "W10", "WyIiLCAwXQ", "é", "WyJhIiwgMV0=", "WyJhXHUwMDAwIiwgMV0", "[" * 9]
)
def test_a_place_in_a_list_that_is_none_is_refused(store: Store, text: str) -> None:
    with pytest.raises(ValueError, match="no place in a list"):
        store.search(Query(), PUBLIC, text)


def test_two_that_list_one_project_at_once_leave_the_rows_of_one_of_them(store: Store) -> None:
    ways = [
        (
            replace(module(name=f"Way {n}"), newest=version(number=n)),
            tuple(version(number=k) for k in range(n, 0, -1)),
        )
        for n in range(1, 5)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda way: store.list_module(*way), ways * 3))
    found = store.listed(1)
    assert (found, store.listed_versions(1)) in ways
    assert len(store.search(Query("way"), PUBLIC)) == 1


WORDS = st.sampled_from(
    ["add", "noise", "Noisy", "ÄDD", "ﬁne", "图像", "a", "x_y", "=kind", "%", "\0", "\ud800", "'"]
)
TEXTS = st.lists(WORDS, max_size=4).map(" ".join)
CLEAN = TEXTS.map(lambda text: text.replace("\0", "").replace("\ud800", ""))
LISTED = st.builds(
    lambda number, name, about, visibility, kind, parameters: replace(
        module(number, name),
        description=about,
        visibility=visibility,
        kind=kind,
        parameters=tuple(parameters),
    ),
    st.integers(1, 9),
    CLEAN,
    CLEAN,
    st.sampled_from(["public", "internal", "private"]),
    st.sampled_from(["OPERATION", "ALGORITHM"]),
    st.lists(st.sampled_from(["mode", "x-y"]), max_size=2, unique=True),
)
QUERIES = st.builds(
    Query, TEXTS, st.sampled_from(["", "operation", "\0"]), parameter=st.sampled_from(["", "mode", "x-y"])
)
AMONG = st.builds(
    Among,
    st.frozensets(st.sampled_from(["public", "internal", "private"])),
    st.frozensets(st.integers(1, 9), max_size=4),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LISTED, max_size=6), QUERIES, AMONG, st.sampled_from([0, 2, 2000]), st.sampled_from([1, 99]))
def test_what_is_found_is_what_has_all_that_is_asked_for_whatever_is_common(
    store: Store, modules: list[ListedModule], query: Query, among: Among, rare: int, through: int
) -> None:
    for project in store.listed_projects():
        store.delist(project)
    for one in modules:
        store.list_module(one, [version(one.project_id)])
    there = {one.project_id: one for one in modules}

    def is_asked_for(one: ListedModule) -> bool:
        shown = one.visibility in among.visibilities or one.project_id in among.projects
        words = words_of(one)
        return shown and all(
            any(word.startswith(term.word) if term.prefix else word == term.word for word in words)
            for term in terms_of(query)
        )

    wanted = sorted(
        (one for one in there.values() if is_asked_for(one)),
        key=lambda one: (sort_key(one), one.project_id),
    )
    limit = 4
    assert [one.project_id for one in store.search(query, among, None, limit, rare, through)] == [
        one.project_id for one in wanted[:limit]
    ]


@given(st.text(max_size=200), st.integers(1, 2**63 - 1))
def test_every_place_in_a_list_is_read_again(name: str, project: int) -> None:
    listed = module(project, name)
    if sort_key(listed).isprintable():
        assert read_cursor(cursor_of(listed)) == (sort_key(listed), project)
