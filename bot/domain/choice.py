"""Which environment a module is built on: the one that it names, else the one that its requirements fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.specifiers import SpecifierSet

from bot.domain.environments import Environment
from bot.domain.wishes import CudaWish, Wish, plain_torch, read_wish
from parser.model import Place, Problem, PythonWish, Report
from parser.problems import ascii_controls, problem
from parser.requirements.public import PYTORCH_CPU

_LAST_PATCH = 99
"""Number of a release that no Python of a minor version reaches."""


def plan_environment(
    report: Report, environments: Iterable[Environment], default: str
) -> Environment | Problem:
    """The environment that .mlreef.yaml names, else the default or the only one that fits; a Problem where none can be.

    An environment that was not asked for carries the wish that led to it, so that verify sees when that changes.
    """
    known = {environment.name: environment for environment in environments}
    asked, wish = report.settings.environment, read_wish(report)
    if asked is not None and asked not in known:
        names = ", ".join(_named(known[name]) for name in sorted(known))
        at = report.settings.places.get("environment", Place(".mlreef.yaml"))
        return problem("environment-unknown", at, name=asked, known=names, default=default)
    if asked is not None:
        chosen = replace(known[asked], asked=True)
        return refused_cuda(wish, chosen, known.values()) or chosen
    ordered = (known[default], *(one for name, one in known.items() if name != default))
    # a graphics card is not given to those who have not asked for one
    usable = [
        one
        for one in ordered
        if (fits_cuda(wish.cuda, one) if wish.cuda else not one.gpu or one is known[default])
    ]
    if wish.cuda is not None and not usable:
        return _no_gpu(wish.cuda, known[default], [])
    if wish.cuda is not None and usable[0] is not known[default]:
        only = _only(wish, usable)
        if only is None:
            return problem(
                "environment-several",
                wish.cuda.place,
                what=_shown(wish.cuda.word),
                known=_names(usable),
                name=usable[0].name,
            )
        usable = [only]
    fitting = [one for one in usable if wish.python is None or fits_python(wish.python, one)]
    # without one that fits both, CUDA counts: the Python that is wished for is told as a warning
    return replace((fitting or usable)[0], asked=False, wish=wish.text)


def refused_cuda(wish: Wish, environment: Environment, others: Iterable[Environment] = ()) -> Problem | None:
    """Why requirements that are made for CUDA cannot be on this environment, with what to do; None when they can."""
    if wish.cuda is None or environment.gpu:
        return None
    return _no_gpu(wish.cuda, environment, [one for one in others if fits_cuda(wish.cuda, one)])


def advise(report: Report, environment: Environment) -> tuple[Problem, ...]:
    """What is worth a look about requirements and environment together; nothing of it refuses."""
    wish, told = read_wish(report), []
    if wish.python is not None and not fits_python(wish.python, environment):
        words = {
            "name": environment.name,
            "python": environment.python,
            "wish": _shown(wish.python.specifier),
        }
        told.append(problem("environment-python", wish.python.place, None, **words))
    plain = None if environment.gpu or environment.platforms[0] != "linux/amd64" else plain_torch(report)
    if plain is not None and wish.cuda is None:
        words = {"what": f"`{_shown(str(plain.name))}`", "name": environment.name, "index": PYTORCH_CPU}
        words["size"] = "some gigabytes of CUDA libraries,"
        told.append(problem("environment-unneeded-cuda", plain.place, None, **words))
    return tuple(told)


def why_environment(report: Report, environment: Environment) -> str:
    """One sentence: which environment it is, and what led to it."""
    wish = read_wish(report)
    known = f"{environment.name} ({_described(environment)})"
    if environment.asked:
        return f"{known}: .mlreef.yaml asks for it."
    reasons = []
    if wish.cuda is not None and environment.gpu:
        reasons.append(f"`{_shown(wish.cuda.word)}` ({_where(wish.cuda.place)}) needs CUDA")
    if wish.python is not None and fits_python(wish.python, environment):
        reasons.append(f"it fits Python {_shown(wish.python.specifier)} ({_where(wish.python.place)})")
    if not reasons:
        return f"{known}: the default, as .mlreef.yaml names none."
    return f"{known}: {' and '.join(reasons)}; .mlreef.yaml names none."


def fits_cuda(wish: CudaWish, environment: Environment) -> bool:
    """Whether what is made for that CUDA runs there: versions of one major number run on each other."""
    if not environment.gpu:
        return False
    return None in (wish.major, environment.cuda) or wish.major == str(environment.cuda).partition(".")[0]


def fits_python(wish: PythonWish, environment: Environment) -> bool:
    """Whether some release of the environment's Python is one that is wished for."""
    allowed = SpecifierSet(wish.specifier)
    releases = (f"{environment.python}.{patch}" for patch in range(_LAST_PATCH + 1))
    return any(allowed.contains(release, prereleases=True) for release in releases)


def _only(wish: Wish, usable: Sequence[Environment]) -> Environment | None:
    """The one of these that is meant: the only one, or the only one of that very CUDA, or of that Python."""
    exact = [one for one in usable if wish.cuda and one.cuda == wish.cuda.version]
    rows = [usable, exact]
    if wish.python is not None:
        rows += [[one for one in row if fits_python(wish.python, one)] for row in (usable, exact)]
    return next((row[0] for row in rows if len(row) == 1), None)


def _no_gpu(wish: CudaWish, environment: Environment, others: Sequence[Environment]) -> Problem:
    mend = wish.on_cpu
    if others:
        mend = f"Name {_names(others)} as `environment` in .mlreef.yaml; or do without CUDA. {mend}"
    version = f" {wish.version}" if wish.version else ""
    words = {"what": _shown(wish.word), "cuda": f"CUDA{version}", "name": environment.name, "mend": mend}
    return problem("environment-without-gpu", wish.place, None, **words)


def _names(environments: Iterable[Environment]) -> str:
    return " or ".join(_named(one) for one in environments)


def _named(environment: Environment) -> str:
    told = f"; {_shown(environment.description)}" if environment.description else ""
    return f"`{environment.name}` ({_described(environment)}{told})"


def _described(environment: Environment) -> str:
    kind = f", CUDA {environment.cuda}" if environment.cuda else ", GPU" if environment.gpu else ""
    return f"Python {environment.python}{kind}"


def _where(place: Place) -> str:
    return f"{_shown(place.file)}:{place.line}"


def _shown(text: str) -> str:
    return ascii_controls(text)[:120]
