"""Which engine builds a repository's image, and what an author reads when none may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import module, report

from bot.domain.engines import Choice, makes_wheels, own_dockerfile, plan_engine
from parser.model import ENGINES, Engine, Place, Problem, Report, Requirement, Requirements, Settings

BOTH: tuple[Engine, ...] = ("layers", "docker")


def repository(found: str | None = None, **settings: object) -> Report:
    return replace(report(), dockerfile=found, settings=Settings(**settings))  # type: ignore[arg-type]


def test_the_operators_first_engine_is_taken_when_nothing_needs_another() -> None:
    for allowed in (("layers", "docker"), ("docker", "layers"), ("buildkit",)):
        choice = plan_engine(repository(), allowed)
        assert isinstance(choice, Choice)
        assert choice.engine == allowed[0]


@pytest.mark.parametrize(
    ("needy", "why"),
    [
        (repository("Dockerfile"), "has a Dockerfile of its own ('Dockerfile')"),
        (repository(apt=("libgl1",)), "asks for a Debian package (`apt`)"),
        (repository(apt=("ffmpeg", "libgl1")), "asks for 2 Debian packages (`apt`)"),
    ],
)
def test_what_needs_instructions_gets_the_first_engine_that_runs_them(needy: Report, why: str) -> None:
    choice = plan_engine(needy, ("layers", "buildkit", "docker"))
    assert isinstance(choice, Choice)
    assert choice.engine == "buildkit"
    assert why in choice.why
    refused = plan_engine(needy, ("layers",))
    assert isinstance(refused, Problem)
    assert refused.code == "engine-not-allowed"
    assert why in refused.message
    assert refused.message.endswith("the operator of the bot allows `layers`.")
    assert "builder.engines" in refused.hint


def test_a_dockerfile_in_the_root_is_passed_over_by_who_asks_for_layers_and_that_is_said() -> None:
    asked = repository("Dockerfile", engine="layers")
    choice = plan_engine(asked, BOTH)
    assert choice == Choice("layers", ".mlreef.yaml asks for it; Dockerfile is not used")
    assert own_dockerfile(asked, "layers") is None
    assert own_dockerfile(asked, "docker") == "Dockerfile"


@pytest.mark.parametrize(
    "contradictory",
    [
        repository("ci/Dockerfile", engine="layers", dockerfile="ci/Dockerfile"),
        repository(engine="layers", apt=("libgl1",)),
    ],
)
def test_layers_cannot_do_what_has_to_be_run(contradictory: Report) -> None:
    refused = plan_engine(contradictory, BOTH)
    assert isinstance(refused, Problem)
    assert refused.code == "engine-cannot"


def test_a_wish_that_the_operator_does_not_allow_is_refused_with_what_is_allowed() -> None:
    refused = plan_engine(repository(engine="docker-dind"), BOTH)
    assert isinstance(refused, Problem)
    assert "`docker-dind`" in refused.message
    assert refused.hint == "Remove it, or write `layers` or `docker`."


@given(
    st.lists(st.sampled_from(ENGINES), min_size=1, unique=True),
    st.none() | st.sampled_from(ENGINES),
    st.booleans(),
    st.booleans(),
)
def test_an_engine_is_always_one_that_the_operator_allows_and_that_can_do_it(
    allowed: list[Engine], wish: Engine | None, dockerfile: bool, apt: bool
) -> None:
    asked = repository("Dockerfile" if dockerfile else None, engine=wish, apt=("git",) if apt else ())
    choice = plan_engine(asked, allowed)
    if isinstance(choice, Problem):
        assert "`" in choice.message
        assert choice.hint
    else:
        assert choice.engine in allowed
        assert wish in (None, choice.engine)
        assert choice.engine != "layers" or not apt
        assert choice.engine != "layers" or wish == "layers" or not dockerfile


def of_conda(found: str | None = None, **settings: object) -> Report:
    made = module()
    requirements = Requirements("conda", "environment.yml", ())
    return replace(repository(found, **settings), module=replace(made, requirements=requirements))


def test_packages_of_conda_are_for_layers_and_for_dockerfiles_of_the_authors_own() -> None:
    choice = plan_engine(of_conda(), ("docker", "layers"))
    assert isinstance(choice, Choice)
    assert choice.engine == "layers"
    assert plan_engine(of_conda("Dockerfile"), BOTH) == plan_engine(repository("Dockerfile"), BOTH)
    refused = [
        plan_engine(of_conda(), ("docker",)),
        plan_engine(of_conda(apt=("libgl1",)), BOTH),
        plan_engine(of_conda(engine="docker"), BOTH),
    ]
    codes = [each.code for each in refused if isinstance(each, Problem)]
    assert codes == ["engine-not-allowed", "engine-cannot", "engine-cannot"]


@pytest.mark.parametrize(
    ("url", "built"),
    [
        ("git+https://example.com/tool.git@abc", True),
        ("https://example.com/tool-1.0.tar.gz#sha256=00", True),
        ("https://example.com/tool-1.0.zip", True),
        ("https://example.com/tool-1.0-py3-none-any.whl", False),
    ],
)
def test_a_requirement_that_is_no_wheel_gets_an_engine_that_builds_it_where_one_is_allowed(
    url: str, built: bool
) -> None:
    item = Requirement("tool", "", (), None, url, Place("requirements.txt"), "tool")
    needed = replace(module(), requirements=Requirements("pip", "requirements.txt", (item,)))
    asked = replace(repository(), module=needed)
    choice = plan_engine(asked, BOTH)
    assert isinstance(choice, Choice)
    assert choice.engine == ("docker" if built else "layers")
    # else `layers` says what to do, and a job of its own may make the wheel
    assert plan_engine(asked, ("layers",)) == plan_engine(repository(), ("layers",))
    apart = replace(asked, settings=Settings(build_sdists=("tool",)))
    choice = plan_engine(apart, BOTH)
    assert isinstance(choice, Choice)
    assert choice.engine == "layers"
    assert makes_wheels(apart, "layers")
    assert not makes_wheels(apart, "docker")
