"""Requirements → a lock: exactly which wheels an environment gets; or everything that stands in the way, at once."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bot.domain.text import size_words
from bot.errors import OperatorError
from bot.layers.built import BuiltWheel, load_built, names_to_build
from bot.layers.choosing import Choice, choose_wheels
from bot.layers.cuda import CudaSet, cuda_of
from bot.layers.diagnosis import Refusal, Stock, diagnose, refusal_of
from bot.layers.fetch import fetch_size
from bot.layers.indexes import Indexes, plan_indexes
from bot.layers.lock import Lock, LockedWheel
from bot.layers.lock_key import ResolveInputs
from bot.layers.uv import MAX_SECONDS, Conclusion, ask_uv
from bot.layers.wanted import Line, applies, limit_text, plan_line
from bot.layers.web import Denied, Missing, Web
from bot.layers.wheel_tags import Target
from bot.logs import redactor
from parser.model import Place, Problem, Requirement, Requirements
from parser.problems import ascii_controls, in_order, problem
from parser.requirements.public import PYTORCH_CPU

MAX_ROUNDS = 6
"""How often what is left is resolved again without the requirements that are known to be at fault."""

MAX_QUOTED = 500
"""Characters of uv's own words, where nothing else is known."""

ASKERS = 6
"""Sizes that are asked for at one time."""

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""Files of other tools that name every package: nothing is added to them."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A lock, and what the author should know of it."""

    lock: Lock
    warnings: tuple[Problem, ...] = ()


def resolve(
    inputs: ResolveInputs,
    variables: Mapping[str, str],
    say: Callable[[str], None],
    *,
    index_url: str = "",
    wheels: Path | None = None,
    seconds: float = MAX_SECONDS,
) -> Resolved | tuple[Problem, ...]:
    """The lock of the requirements, or every reason why there is none.

    `variables`: those of the job, of which requirements see what `bot.layers.addresses` offers. `index_url`: the
    operator's own index. `wheels`: folder of wheels that a job before built. `seconds`: the longest that one run of
    uv may take. Raises TryAgain when an index is away, OperatorError where whoever runs the bot must act.
    """
    requirements = inputs.requirements
    environment = inputs.environment
    if requirements is not None and requirements.manager == "conda":
        # Imported here because it ends here, with what conda leaves to pip.
        from bot.layers.resolve_conda import resolve_conda

        return resolve_conda(inputs, variables, say, index_url=index_url, wheels=wheels)
    target = Target(environment.python, inputs.platform, environment.wheel_platform)
    if requirements is None or not requirements.items:
        return Resolved(Lock(environment.python, inputs.platform, ()))
    indexes, refused = plan_indexes(requirements, variables, index_url, inputs.files)
    built = load_built(wheels, inputs.build_sdists)
    lines, problems = _lines(inputs, requirements, target, indexes, variables, built)
    problems += refused
    if refused:
        return in_order(problems)
    clean = redactor(indexes.secrets)
    say(clean(f"Resolving {len(lines)} requirements for Python {target.python} on {target.platform}"))
    with Web(indexes.accounts, variables) as web:
        work = _Work(requirements, target, indexes, variables, built, wheels, web, clean, seconds)
        try:
            document, more = work.resolve(lines)
            problems += more
            if document is None or problems:
                return in_order(problems)
            chosen, more = choose_wheels(document, lines, requirements, target, built)
            if more:
                return in_order(more)
            lock = Lock(environment.python, inputs.platform, tuple(_locked(web, chosen, indexes)))
        except Refusal as refusal:
            return in_order([*problems, refusal.told])
        except ValueError as error:
            why = ascii_controls(str(error))[:MAX_QUOTED]
            return (problem("requirement-unresolved", Place(requirements.file), wanted="A package", why=why),)
    unneeded = None if environment.gpu or environment.cuda else cuda_of(lock)
    return Resolved(lock, () if unneeded is None else (_told_unneeded(unneeded, inputs),))


def _told_unneeded(unneeded: CudaSet, inputs: ResolveInputs) -> Problem:
    place = Place(inputs.requirements.file) if inputs.requirements else None
    words = {"what": "What is required", "name": inputs.environment.name, "index": PYTORCH_CPU}
    size = f"{size_words(unneeded.size)} of CUDA libraries ({len(unneeded.wheels)} wheels),"
    return problem("environment-unneeded-cuda", place, None, size=size, **words)


def _lines(
    inputs: ResolveInputs,
    requirements: Requirements,
    target: Target,
    indexes: Indexes,
    variables: Mapping[str, str],
    built: Mapping[str, BuiltWheel],
) -> tuple[list[Line], list[Problem]]:
    lines: list[Line] = []
    problems: list[Problem] = []
    to_build = names_to_build(inputs.build_sdists)
    for item in requirements.items:
        planned = plan_line(item, target, indexes, variables, built, to_build)
        if isinstance(planned, Line):
            lines.append(planned)
        elif planned is not None:
            problems.append(planned)
    return lines, problems


@dataclass(frozen=True, slots=True)
class _Work:
    """All that one resolution needs."""

    requirements: Requirements
    target: Target
    indexes: Indexes
    variables: Mapping[str, str]
    built: Mapping[str, BuiltWheel]
    folder: Path | None
    web: Web
    clean: Callable[[str], str]
    seconds: float

    def resolve(self, lines: Sequence[Line]) -> tuple[Mapping[str, object] | None, list[Problem]]:
        """The resolver's document, or what stands in its way; what is left is tried again, so that all is told."""
        problems: list[Problem] = []
        stock = Stock(self.web, self.indexes)
        limits = [one for one in self.requirements.constraints if applies(one.marker, self.target)]
        if lines:
            stock.knock(next((line.item.normalized for line in lines if line.item.normalized), "") or "pip")
        left = list(lines)
        for _ in range(MAX_ROUNDS):
            answer = self._ask(left, limits)
            if not isinstance(answer, Conclusion):
                return (None if problems else answer), problems
            found = diagnose(answer.text, left, limits, stock, self.target, self.indexes)
            problems += found.problems
            if not found.problems:
                return None, problems or [self._unexplained(answer.text)]
            left = [line for line in left if line not in found.culprits]
            if not found.culprits or not left:
                break
        return None, problems

    def _ask(self, lines: Sequence[Line], limits: Sequence[Requirement]) -> Mapping[str, object] | Conclusion:
        folder = self.folder or Path()
        return ask_uv(
            [line.text for line in lines],
            [text for text in map(limit_text, limits) if text],
            self.target,
            self.indexes,
            self.variables,
            wheels=[folder / wheel.filename for wheel in self.built.values()],
            with_dependencies=posixpath.basename(self.requirements.file) not in LOCK_FILES,
            seconds=self.seconds,
        )

    def _unexplained(self, text: str) -> Problem:
        said = " ".join(self.clean(text).split())
        why = ascii_controls(said.removeprefix("error: "))[:MAX_QUOTED]
        return problem(
            "requirement-unresolved", Place(self.requirements.file), wanted="All requirements", why=why
        )


def _locked(web: Web, chosen: Sequence[Choice], indexes: Indexes) -> list[LockedWheel]:
    unknown = [one for one in chosen if not one.size]
    with ThreadPoolExecutor(ASKERS) as pool:
        sizes = dict(
            zip(
                (one.url for one in unknown),
                pool.map(lambda one: _size(web, one, indexes), unknown),
                strict=True,
            )
        )
    return [
        LockedWheel(one.name, one.version, one.filename, one.sha256, one.size or sizes[one.url], one.url)
        for one in chosen
    ]


def _size(web: Web, choice: Choice, indexes: Indexes) -> int:
    try:
        return fetch_size(web, choice.url)
    except Denied as denied:
        raise refusal_of(denied, indexes) from None
    except Missing:
        raise OperatorError(
            f"The index names {choice.filename}, but does not have it.",
            "Its mirror may be behind: try again later, or repair it.",
        ) from None
