"""Why a requirement cannot be met is told by what the index has: wanted, found, why not, what to do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.layers.conclusions import Need, read_conclusion
from bot.layers.index_pages import File, read_page
from bot.layers.near import near_names
from bot.layers.wheel_tags import Target
from bot.layers.whynot import Wish, why_not

TARGET = Target("3.12", "linux/amd64", "manylinux_2_28")


def wheel(version: str, tag: str = "py3-none-any", **more: object) -> File:
    return File(f"thing-{version}-{tag}.whl", Version(version), True, "https://x.example/", **more)  # type: ignore[arg-type]  # the words of File


def sources(version: str) -> File:
    return File(f"thing-{version}.tar.gz", Version(version), False, "https://x.example/")


def told(specifier: str, *files: File, pre: bool = False) -> tuple[str, str, str]:
    found = why_not(Wish("thing", specifier, f"thing{specifier}", None), files, TARGET, pre=pre)
    assert found is not None
    return found.code, found.message, found.hint


def test_a_version_of_pytorchs_own_index_leads_there() -> None:
    code, _, hint = told("==2.5.1+cpu", wheel("2.5.1"))
    assert code == "requirement-version"
    assert "/whl/cpu`" in hint
    assert "/whl/cu124`" in told("==2.5.1+cu124", wheel("2.5.1"))[2]


def test_an_early_version_is_offered_where_there_is_no_other() -> None:
    _, message, hint = told(">=1.5", wheel("1.0"), wheel("2.0rc1"))
    assert "found: 1.0 and 2.0rc1" in message
    assert "`thing==2.0rc1`" in hint
    assert (
        why_not(Wish("thing", ">=1.5", "thing>=1.5", None), [wheel("1.0"), wheel("2.0rc1")], TARGET, pre=True)
        is None
    )


def test_many_versions_are_counted() -> None:
    _, message, hint = told("==0.5.5", *(wheel(f"1.{number}") for number in range(40)))
    assert "40 versions from 1.0 to 1.39" in message
    assert "newest that runs there is 1.39; nearest to 0.5.5: 1.0." in hint


def test_sources_beside_a_newer_wheel_lead_to_the_wheel() -> None:
    code, message, hint = told("==1.0", sources("1.0"), wheel("2.0"))
    assert code == "requirement-sources"
    assert "thing-1.0.tar.gz" in message
    assert hint.startswith("Take 2.0, which has a wheel")
    assert "build_sdists: [thing]" in hint


@pytest.mark.parametrize(
    ("tag", "requires_python", "said"),
    [
        ("cp313-cp313-manylinux_2_28_x86_64", "", "Python 3.13"),
        ("cp312-cp312-manylinux_2_39_x86_64", "", "Python 3.12"),
        ("cp312-cp312-manylinux_2_28_aarch64", "", "Linux on aarch64"),
        ("cp312-cp312-win_amd64", "", "Windows"),
        ("py3-none-any", ">=3.13", "Python >=3.13"),
        ("py2-none-any", "", "other versions"),
    ],
)
def test_wheels_of_elsewhere_are_told_with_where(tag: str, requires_python: str, said: str) -> None:
    code, message, _ = told("==1.0", wheel("1.0", tag, requires_python=requires_python))
    assert code == "requirement-no-wheel"
    assert said in message
    assert "none for Python 3.12 on linux/amd64 (manylinux_2_28)" in message


def test_a_requirement_that_can_be_met_is_no_problem() -> None:
    assert why_not(Wish("thing", ">=1", "thing", None), [wheel("1.0")], TARGET, pre=False) is None
    yanked = [wheel("1.0", yanked=True)]
    assert why_not(Wish("thing", "==1.0", "thing", None), yanked, TARGET, pre=False) is None


def test_a_conclusion_is_read_as_who_needs_what() -> None:
    story = read_conclusion(
        "error: No solution found when resolving dependencies\n"
        "  cause: Because antlr4-python3-runtime>=4.9,<=4.9.3 has no usable wheels and only the following versions of"
        " antlr4-python3-runtime are available:\n"
        "             antlr4-python3-runtime<4.9.dev0\n"
        "         we can conclude that antlr4-python3-runtime==4.9.* cannot be used.\n"
        "         And because omegaconf==2.3.0 depends on antlr4-python3-runtime==4.9.* and all versions of pandas"
        " depend on numpy>=1.26.0,<3, you require omegaconf==2.3.0, we can conclude that your requirements are"
        " unsatisfiable.\n"
    )
    assert story.required == ("omegaconf",)
    assert story.needs == (
        Need("omegaconf==2.3.0", "antlr4-python3-runtime", "==4.9.*"),
        Need("pandas", "numpy", ">=1.26.0,<3"),
    )
    assert story.missing == ("antlr4-python3-runtime",)


@given(st.text(max_size=300))
def test_whatever_the_resolver_says_a_conclusion_is_read(text: str) -> None:
    story = read_conclusion(text)
    assert len(set(story.missing)) == len(story.missing)


@given(st.binary(max_size=400), st.sampled_from(["text/html", "application/vnd.pypi.simple.v1+json", ""]))
def test_whatever_an_index_answers_its_page_is_read(content: bytes, kind: str) -> None:
    assert read_page(content, kind, "https://x.example/simple/thing/", "thing") == ()


def test_files_of_other_packages_and_names_that_are_none_are_passed_over() -> None:
    page = (
        b'<a href="thing-1.0-py3-none-any.whl#sha256='
        + b"a" * 64
        + b'">x</a><a href="other-1.0-py3-none-any.whl">y</a>'
        b'<a href="thing-latest.zip">z</a><a href="/up/Thing-2.0.tar.gz" data-yanked="broken">w</a><a>v</a>'
    )
    one, two = read_page(page, "text/html; charset=utf-8", "https://x.example/simple/thing/", "thing")
    assert (one.url, one.sha256, one.wheel) == (
        "https://x.example/simple/thing/thing-1.0-py3-none-any.whl",
        "a" * 64,
        True,
    )
    assert (two.url, two.yanked, two.wheel) == ("https://x.example/up/Thing-2.0.tar.gz", True, False)


def test_a_misspelt_name_leads_to_a_usual_one() -> None:
    assert near_names("scikit-lern")[0] == "scikit-learn"
    assert near_names("pandsa") == ["pandas"]
    assert near_names("qqqqqqq") == []


def test_old_names_of_platforms_are_known_and_newer_systems_are_not_taken() -> None:
    fits = [
        "manylinux1_x86_64",
        "manylinux2010_x86_64",
        "manylinux2014_x86_64",
        "manylinux_2_28_x86_64",
        "linux_x86_64",
    ]
    ranks = [TARGET.fit(f"thing-1.0-cp312-cp312-{platform}.whl") for platform in fits]
    assert None not in ranks
    assert TARGET.fit("thing-1.0-cp312-cp312-manylinux_2_29_x86_64.whl") is None
    assert TARGET.fit("thing-1.0-cp312-cp312-musllinux_1_2_x86_64.whl") is None
    arm = Target("3.12", "linux/arm64", "manylinux_2_28")
    assert arm.fit("thing-1.0-cp312-cp312-manylinux2014_aarch64.whl") is not None
    assert arm.fit("thing-1.0-cp312-cp312-manylinux1_aarch64.whl") is None
    alpine = Target("3.12", "linux/amd64", "musllinux_1_2")
    assert alpine.fit("thing-1.0-cp312-cp312-musllinux_1_1_x86_64.whl") is not None
    assert alpine.fit("thing-1.0-cp312-cp312-manylinux_2_17_x86_64.whl") is None


@pytest.mark.parametrize(
    ("wheels", "known"),
    [
        ("manylinux_2_17", "x86_64-manylinux_2_17"),
        ("manylinux_2_28", "x86_64-manylinux_2_28"),
        ("manylinux_2_30", "x86_64-manylinux_2_28"),
        ("manylinux_2_39", "x86_64-manylinux_2_39"),
        ("manylinux_2_99", "x86_64-manylinux_2_40"),
        ("musllinux_1_2", "x86_64-unknown-linux-musl"),
    ],
)
def test_the_resolver_is_told_a_platform_it_knows(wheels: str, known: str) -> None:
    assert Target("3.12", "linux/amd64", wheels).uv_platform == known


def test_a_link_that_is_no_address_hides_no_other_one() -> None:
    good = "<a href='thing-1.0-py3-none-any.whl'>x</a>"
    bad = "<a href='http://[x/thing-2.0-py3-none-any.whl'>x</a>"
    page = "https://x.example/simple/thing/"
    (one,) = read_page(f"{bad}{good}".encode(), "text/html", page, "thing")
    assert one.url == f"{page}thing-1.0-py3-none-any.whl"
    files = [{"filename": f"thing-{n}.0-py3-none-any.whl", "url": url} for n, url in ((1, "a"), (2, "//[x/"))]
    (one,) = read_page(json.dumps({"files": files}).encode(), "application/json", page, "thing")
    assert one.url == f"{page}a"
