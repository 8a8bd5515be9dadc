"""A catalogue made of values, which the pictures of its pages show and their tests look at."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from bot.domain.access import ANONYMOUS, Person, Ref
from bot.domain.catalogue import ListedModule, ListedVersion, Query, VersionState
from bot.domain.experiment import read_experiment
from bot.domain.interface import compare
from bot.domain.snippets import component_reference
from bot.domain.tags import version_tag
from bot.domain.views import CompareView, Found, ModuleView, ProgressView, RunView, StageView, VersionView
from parser.model import Module
from parser.read import read
from pictures.sample import BROKEN, GOOD, MENDED, source_of

GITLAB = "https://gitlab.example.com"
REGISTRY = "registry.example.com"
DAY = 86_400.0

TYPES = """\
import argparse

from mlreef import data_processor


@data_processor(
    name="{name}", type="{kind}", input_type="{takes}", output_type="{gives}", description="{about}"
)
def main(options):
    print(options)


parser = argparse.ArgumentParser(description="{about}")
parser.add_argument("--input-path", required=True, help="a folder with what it reads")
parser.add_argument("--output-path", default="output", help="the folder for what it writes")
{more}
if __name__ == "__main__":
    main(parser.parse_args())
"""
TRAIN = """\
parser.add_argument("--epochs", type=int, default=30, help="how often it sees all of the data")
parser.add_argument("--learning-rate", type=float, default=1e-3, help="step size; also as 3e-4")
parser.add_argument("--depth", type=int, choices=[18, 34, 50], default=18, help="layers of the network")
parser.add_argument("--classes", nargs="+", help="names of the classes")
parser.add_argument("--freeze", action="store_true", help="train the last layer only")
"""
README = """\
# Add Noise

Makes pictures noisier, so that a model that is trained on them **stops relying on clean ones**.

```python
noisy = add_noise(picture, mode="speckle", variance=0.02)
```

| mode | what it adds |
| --- | --- |
| `gaussian` | noise of the same strength everywhere |
| `speckle` | noise that grows with brightness |

See [how it was measured](docs/measured.md).
"""


def written(name: str, kind: str, takes: str, gives: str, about: str, more: str = "") -> dict[str, str]:
    """The files of a repository with such a module."""
    script = TYPES.format(name=name, kind=kind, takes=takes, gives=gives, about=about, more=more)
    return {"main.py": script, "requirements.txt": "numpy==2.3.5\n"}


@cache
def _module_of(files: tuple[tuple[str, str], ...], name: str) -> Module | None:
    return read(source_of(dict(files)), name).module


class Sample:
    """Modules by path, each with its versions, the newest first; all of them are everybody's."""

    def __init__(self) -> None:
        self.modules: dict[str, tuple[ListedModule, tuple[tuple[ListedVersion, Module | None], ...]]] = {}
        self.publications: tuple[ProgressView, ...] = ()
        self.runs: dict[str, tuple[RunView, ...]] = {}
        self.newest: ProgressView | None = None
        self.now = time.time()

    def add(
        self,
        path: str,
        versions: Mapping[str, dict[str, str]],
        *,
        days: float,
        topics: tuple[str, ...] = (),
        readme: str = "",
        states: Mapping[str, VersionState] | None = None,
    ) -> None:
        """Publish a module: `versions` by name, the oldest first, each with the files of its repository."""
        project_id = len(self.modules) + 1
        made: list[tuple[ListedVersion, Module | None]] = []
        for number, (name, files) in enumerate(versions.items(), start=1):
            digest = f"sha256:{number:02x}{project_id:02x}".ljust(71, "b")
            at = self.now - days * DAY - (len(versions) - number) * 9 * DAY - 5
            state = (states or {}).get(name, VersionState.PUBLISHED)
            image, sha = f"{REGISTRY}/{path}", f"{project_id:02x}{number:02x}".ljust(40, "c")
            listed = ListedVersion(
                *(
                    project_id,
                    "main",
                    number,
                    name,
                    sha,
                    digest,
                    image,
                    96_000_000 + number * 3_000_000,
                    state,
                ),
                *(at, 480 + number, "Plain Python"),
            )
            made.insert(0, (listed, _module_of(tuple(files.items()), path.split("/")[-1])))
        newest, module = made[0]
        assert module is not None  # noqa: S101 -- the repositories here are written above
        parameters = tuple(one.name for one in module.parameters)
        self.modules[path] = (
            ListedModule(
                project_id,
                path,
                f"{GITLAB}/{path}",
                "public",
                module.name,
                module.slug,
                module.kind.value,
                module.input_type,
                module.output_type,
                module.description or "",
                module.author or "",
                topics,
                parameters,
                readme,
                newest,
                newest.published_at or 0.0,
                module.model_type or "",
                module.ml_category or "",
            ),
            tuple(made),
        )

    def find(self, query: Query, person: Person, after: str = "", limit: int = 24) -> Found:
        """Those that have every word of the text, a page at a time."""
        del person
        listed = sorted(
            (one for one, _ in self.modules.values()), key=lambda one: (one.name.lower(), one.path)
        )
        fitting = [one for one in listed if fits(one, query)]
        start = int(after or 0)
        more = str(start + limit) if len(fitting) > start + limit else ""
        return Found(tuple(replace(one, readme="") for one in fitting[start : start + limit]), more)

    def module(self, project: Ref, person: Person, version: str = "") -> ModuleView | None:
        """One of them."""
        del person
        found = self.modules.get(str(project))
        if found is None:
            return None
        listed, versions = found
        named = tuple((name_of(one), one) for one, _ in versions)
        shown = next((pair for pair in versions if version in ("", name_of(pair[0]))), None)
        if version and shown is None:
            return None
        view = viewed(listed, *shown) if shown else None
        return ModuleView(listed, view, named, True, 30, self.runs.get(listed.path, ()), self.newest)

    def compare(self, project: Ref, before: str, after: str, person: Person) -> CompareView | None:
        """Two versions of one of them."""
        old, new = self.module(project, person, before), self.module(project, person, after)
        if old is None or new is None or old.shown is None or new.shown is None:
            return None
        modules = old.shown.module, new.shown.module
        diff = compare(modules[0], modules[1]) if modules[0] and modules[1] else None
        return CompareView(old.listed, old.shown, new.shown, diff)

    def progress(self, person: Person) -> tuple[ProgressView, ...]:
        """What is under way."""
        del person
        return self.publications


class Nobody:
    """Nobody is signed in, and nobody can."""

    can_sign_in = False

    def person(self) -> Person:
        """Whoever looks."""
        return ANONYMOUS

    def csrf(self) -> str:
        """Nothing is posted."""
        return ""

    def forget(self) -> None:
        """There is no session."""


def fits(one: ListedModule, query: Query) -> bool:
    """Whether a module has what is looked for."""
    words = " ".join((one.name, one.path, one.description, *one.parameters, *one.topics)).lower()
    return (
        all(word in words for word in query.text.lower().split())
        and query.kind in ("", one.kind)
        and query.input_type in ("", one.input_type)
        and query.output_type in ("", one.output_type)
        and (not query.parameter or query.parameter in one.parameters)
        and (not query.topic or query.topic in one.topics)
        and query.model_type in ("", one.model_type)
        and query.ml_category in ("", one.ml_category)
    )


def name_of(version: ListedVersion) -> str:
    """What a version is called."""
    return version.version or version_tag(version.branch, version.number)


def viewed(listed: ListedModule, version: ListedVersion, module: Module | None) -> VersionView:
    """A version with where it leads."""
    url = listed.web_url
    return VersionView(
        version,
        name_of(version),
        module,
        component_reference(listed.path, listed.slug, version.version) if version.version else "",
        (version.version, version_tag(version.branch, version.number)),
        f"{url}/-/commit/{version.sha}",
        f"{url}/-/pipelines/{version.pipeline_id}",
        f"{url}/-/jobs/{version.pipeline_id}1",
    )


def sample() -> Sample:
    """The catalogue of the pictures."""
    made = Sample()
    about = 'output_type="IMAGE", description="Adds noise to pictures: gaussian or speckle."'
    described = {
        "add_noise.py": MENDED["add_noise.py"].replace('output_type="IMAGE"', about),
        "requirements.txt": MENDED["requirements.txt"],
    }
    noise = {"0.9.0": BROKEN, "1.0.2": GOOD, "1.1.0": described}
    made.add("vision/add-noise", noise, days=3, topics=("augmentation", "robustness"), readme=README)
    crop = written(
        "Crop and Scale", "OPERATION", "IMAGE", "IMAGE", "Cuts pictures to their middle, all of one size."
    )
    made.add("vision/crop-and-scale", {"1.0.0": crop, "2.1.0": crop}, days=12, topics=("preprocessing",))
    resnet = written(
        "ResNet Classifier", "ALGORITHM", "IMAGE", "MODEL", "Trains a residual network on pictures.", TRAIN
    )
    resnet[".mlreef.yaml"] = "model_type: classification\nml_category: computer vision\n"
    made.add("vision/resnet", {"3.0.1": resnet}, days=1.2, topics=("classification", "training"))
    matrix = written(
        "Confusion Matrix", "VISUALIZATION", "TABULAR", "IMAGE", "Draws what a classifier takes for what."
    )
    losses = {
        str(epoch): {"loss": 2 / (epoch + 1.5), "val_loss": 2.2 / (epoch + 2) + 0.1} for epoch in range(30)
    }
    run = RunView(
        "3.0.1",
        f"{GITLAB}/vision/resnet/-/jobs/7",
        made.now - DAY,
        read_experiment(json.dumps(losses).encode()),
    )
    made.runs["vision/resnet"] = (run,)
    made.add("plots/confusion-matrix", {"1.4.0": matrix}, days=33, topics=("evaluation",))
    words = written(
        "Tokens of Texts", "OPERATION", "TEXT", "TABULAR", "Splits texts into words, and counts them."
    )
    state = {"0.3.1": VersionState.OUTDATED}
    made.add("language/tokens", {"0.3.1": words}, days=70, topics=("preprocessing",), states=state)
    stages = ("mlreef-verify", "mlreef-build", "mlreef-smoke", "mlreef-promote")
    for path, name, jobs, how in (
        ("vision/add-noise", "Add Noise", ("success", "success", "running", "created"), VersionState.STARTED),
        (
            "language/tokens",
            "Tokens of Texts",
            ("success", "failed", "skipped", "skipped"),
            VersionState.FAILED,
        ),
        ("audio/denoise", "", ("pending", "created", "created", "created"), VersionState.PENDING),
    ):
        seen = tuple(
            StageView(stage, job, f"{GITLAB}/{path}/-/jobs/{place}")
            for place, (stage, job) in enumerate(zip(stages, jobs, strict=True))
        )
        made.publications += (
            ProgressView(
                *(path, f"{GITLAB}/{path}", name, "main", "7c3d9a20" * 5, how, seen),
                *(f"{GITLAB}/{path}/-/pipelines/481", made.now - 90),
            ),
        )
    return made
