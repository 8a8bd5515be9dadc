"""The values that reading a repository gives: what a module is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, get_args

SCHEMA = 1
"""Number of the JSON form below; raised whenever a reader of the old form could misread the new one."""

Engine = Literal["layers", "docker", "docker-dind", "buildkit"]
"""What builds the image; the first runs nothing, the others the instructions of a Dockerfile."""

ENGINES: tuple[Engine, ...] = get_args(Engine)

Quiet = Literal["no", "problems", "everything"]
"""How quiet the bot is to be in its notes: not at all, about everything but problems, or about these, too."""

QUIETS: tuple[Quiet, ...] = get_args(Quiet)

MODEL_TYPES = (
    *("CLASSIFICATION", "REGRESSION", "CLUSTERING", "DIMENSIONALITY_REDUCTION", "ANOMALY_DETECTION"),
    *("DETECTION", "SEGMENTATION", "TRACKING", "FORECASTING", "RANKING", "RECOMMENDATION"),
    *("GENERATION", "TRANSLATION", "SUMMARIZATION", "QUESTION_ANSWERING", "EMBEDDING", "OTHER"),
)
"""What a model does, in the words of a settings file; a blank or a dash may stand for `_`."""

ML_CATEGORIES = (
    *("COMPUTER_VISION", "NATURAL_LANGUAGE_PROCESSING", "TABULAR", "AUDIO", "TIME_SERIES"),
    *("REINFORCEMENT_LEARNING", "GRAPH", "MULTIMODAL", "OTHER"),
)
"""The field that a model belongs to."""

MLOPEN = "mlopen"
"""The framework of a control file: its functions are called, and what is typed is read for them."""

Value = None | bool | int | float | str | tuple["Value", ...] | Mapping[str, "Value"]
"""A value as JSON can hold it; lists are tuples so that values stand still."""


class Severity(StrEnum):
    """How much a problem matters: an error refuses the publication, a warning and an info do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """What a module is for, in MLReef's words."""

    ALGORITHM = "ALGORITHM"
    OPERATION = "OPERATION"
    VISUALIZATION = "VISUALIZATION"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the repository: path from its root, line from 1, column from 0 (characters, as `ast` counts lines).

    The end is the place behind the last character; None where only the beginning, or only the file, is known.
    """

    file: str
    line: int = 1
    column: int = 0
    end_line: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A mechanical mend: the text between the two ends of `place` becomes `text`."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an author can mend: where, what, and what to do."""

    code: str
    severity: Severity
    message: str
    hint: str
    place: Place | None = None
    also: tuple[Place, ...] = ()
    """Other places that belong to it: the annotation that an argument contradicts, the first of two."""
    edits: tuple[Edit, ...] = ()
    """What mends it, all of them together; empty where a person has to decide."""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A script that runs the module: its role (`main`) and its path from the repository's root."""

    role: str
    file: str
    framework: str = "argparse"
    """What reads its command line: `argparse`, `click` or `absl`; `mlopen` for a function of a control file."""
    input_type: str | None = None
    output_type: str | None = None
    """Types of data of its own, where the module has several entry points and this one has others than it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as argparse would accept it; a field not known statically is None and named in `unknown`."""

    name: str
    flags: tuple[str, ...]
    dest: str
    type: str | None
    default: Value
    required: bool | None
    choices: tuple[Value, ...] | None
    nargs: str | int | None
    action: str | None
    help: str | None
    place: Place
    group: str | None = None
    subcommand: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    condition: str | None = None
    """Source text of what must be true for the parameter to exist; None when it always does."""
    const: Value = None
    """What a flag stands for, or an option with `nargs="?"` that is given without a value."""
    metavar: str | tuple[str, ...] | None = None
    excludes: tuple[str, ...] = ()
    """Names of the parameters that cannot be given beside this one."""
    one_required: bool = False
    """Whether one of it and those it excludes must be given."""
    deprecated: bool = False
    printed_help: str | None = None
    """The help as `--help` prints it, its values filled in."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a requirements file, as pip reads it; `name` is None for a bare URL or path."""

    name: str | None
    specifier: str
    extras: tuple[str, ...]
    marker: str | None
    url: str | None
    place: Place
    normalized: str | None = None
    """The name as package indexes compare it: lower case, single dashes."""
    hashes: tuple[str, ...] = ()
    editable: bool = False


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the module needs: the file it was read from, and its items in the file's order."""

    manager: str
    """Who installs from such a file: pip, or conda, uv, poetry, …, which the image builder does not have."""
    file: str
    items: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...] = ()
    """Limits of versions (`-c`); they install nothing."""
    options: tuple[str, ...] = ()
    """Options that decide where packages come from, such as `--index-url ADDRESS`."""
    files: tuple[str, ...] = ()
    """The file and those that it includes, in the order pip opens them."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A package that one would install for a module that is imported."""

    module: str
    package: str


@dataclass(frozen=True, slots=True)
class PythonWish:
    """The versions of Python that a repository asks for, as pip writes them (`>=3.10,<3.13`), and where it does."""

    specifier: str
    place: Place


@dataclass(frozen=True, slots=True)
class Metric:
    """An `@metric` annotation."""

    name: str
    ground_truth: str | None
    prediction: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Module:
    """What a repository publishes: its description for people and its interface for machines."""

    name: str
    slug: str
    kind: Kind
    input_type: str
    output_type: str
    author: str | None
    description: str | None
    visibility: str | None
    entry_points: tuple[EntryPoint, ...]
    parameters: tuple[Parameter, ...]
    requirements: Requirements | None
    metrics: tuple[Metric, ...] = ()
    framework: str = "argparse"
    """What reads the command line of the first entry point: `argparse`, `click`, `absl` or `mlopen`."""
    model_type: str | None = None
    """One of MODEL_TYPES; only a model (ALGORITHM) has one."""
    ml_category: str | None = None
    """One of ML_CATEGORIES; only a model has one."""

    @property
    def main(self) -> str:
        """Path of the script that the image runs; of several, the one of the role `main`, else the first."""
        mains = [point.file for point in self.entry_points if point.role == "main"]
        return mains[0] if mains else self.entry_points[0].file

    @property
    def launched(self) -> bool:
        """Whether the first word of the command line selects the entry point.

        The parameters of such a module are those of all entry points, each with its role as the first word of
        `subcommand`.
        """
        return len(self.entry_points) > 1 or self.framework == MLOPEN

    def types_of(self, role: str) -> tuple[str, str]:
        """The types of data that this entry point reads and gives; those of the module where there is none such."""
        point = next((one for one in self.entry_points if one.role == role), None)
        reads, gives = (point.input_type, point.output_type) if point is not None else (None, None)
        return reads or self.input_type, gives or self.output_type

    def parameters_of(self, role: str) -> tuple[Parameter, ...]:
        """The parameters behind the word that selects this entry point, as its own script reads them."""
        if not self.launched:
            return self.parameters if any(point.role == role for point in self.entry_points) else ()
        return tuple(
            replace(one, subcommand=one.subcommand[1:])
            for one in self.parameters
            if one.subcommand[:1] == (role,)
        )


def role_order(role: str) -> tuple[bool, bool, str]:
    """What entry points are sorted by: `main` comes first, then `train`, then the others by name."""
    return role != "main", role != "train", role


@dataclass(frozen=True, slots=True)
class Stages:
    """CI files of the repository that run as child pipelines: before the image is built, and before it is published."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All of them, in the order in which they run."""
        return (*self.before, *self.after)


NO_STAGES = Stages()


@dataclass(frozen=True, slots=True)
class Settings:
    """A repository's own wishes (`.mlreef.yaml`); they describe the module, never what runs with our authority."""

    entry_points: Mapping[str, str] = field(default_factory=dict)
    """Role → script; several are selected by the first word of the command line."""
    parameters_file: str | None = None
    """A script that is not run, which carries the annotations of all entry points."""
    requirements_file: str | None = None
    environment: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    kind: Kind | None = None
    input_type: str | None = None
    output_type: str | None = None
    model_type: str | None = None
    ml_category: str | None = None
    description: str | None = None
    quiet: Quiet = "no"
    engine: Engine | None = None
    dockerfile: str | None = None
    """Path of a Dockerfile of the repository's own that is named here; one in the root need not be."""
    apt: tuple[str, ...] = ()
    """Debian packages, each with or without `=VERSION`."""
    build_sdists: tuple[str, ...] = ()
    """Packages, each with or without `==VERSION`, that a job of its own may build of their sources."""
    stages: Stages = NO_STAGES
    sample: tuple[str, ...] | None = None
    """Words behind the script with which it runs for real before it is published."""
    tests: bool = True
    """Whether the repository's own tests are run before it is published."""
    branches: tuple[str, ...] = ()
    """Names of branches that are published besides the default one, `*` for any text; those of the default count."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where each value is written; an entry point by `entry_points.ROLE`, the first word of a sample by `sample.0`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was read: the module (None when it could not be made out) and everything wrong, in order of place."""

    module: Module | None
    settings: Settings
    problems: tuple[Problem, ...]
    dockerfile: str | None = None
    """Path of the repository's own Dockerfile: the one that the settings name, else the one in the root."""
    python: PythonWish | None = None
    candidates: tuple[str, ...] = ()
    """Scripts that could be the entry point, the likeliest first; none where somebody named one."""
    needed: tuple[Needed, ...] = ()
    """What the script's imports ask for, where the repository has no requirements."""

    @property
    def refused(self) -> bool:
        """Whether this must not be published."""
        return self.module is None or any(p.severity is Severity.ERROR for p in self.problems)
