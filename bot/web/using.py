"""A version and what was typed into its form → the texts to copy: component, docker line, data pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.component import plan_component
from bot.domain.data_pipeline_text import pipeline_yaml
from bot.domain.inputs import Input
from bot.domain.interface_words import label
from bot.domain.snippets import Snippet, component_snippet, docker_line
from bot.domain.views import ModuleView, VersionView
from bot.web.fields import Group, groups_of
from parser.model import Module

DEFAULT_TAB = "component"
NO_COMPONENT = "This version has no component: only versions with a semantic version, such as 1.2.0, do."


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to use a module: `text` is what to copy, `problems` what of the form is not in it, in words."""

    key: str
    title: str
    about: str
    text: str
    problems: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class Use:
    """The form of a version, and its texts; `left_out`: parameters that no field can stand for, and why."""

    groups: tuple[Group, ...]
    tabs: tuple[Tab, ...]
    left_out: tuple[str, ...]


def image_of(version: VersionView) -> str:
    """The image by its digest, which never changes its meaning."""
    return f"{version.listed.image}@{version.listed.digest}"


def use_of(
    view: ModuleView, version: VersionView, module: Module, values: Mapping[str, str], chosen: str
) -> Use:
    """The form with what was typed, and each text with what could be used of it."""
    path = view.listed.path
    component = plan_component(module)
    inputs = component.inputs
    run = docker_line(image_of(version), module, values)
    snippets = {"docker": run}
    if version.component:
        snippets["component"] = component_snippet(module, path, version.name, values)
        snippets["pipeline"] = pipeline_yaml(path, module, version.name, values)
    # what is only missing is told beside the text: nobody did anything wrong in an empty field
    refused = [problem for one in snippets.values() for problem in one.problems]
    errors = {problem.field: problem.message for problem in refused if problem.field in values}
    tabs = tuple(_tab(*way, snippets.get(way[0]), inputs, chosen) for way in _WAYS)
    left_out = tuple(f"{one.name}: {one.why}" for one in component.left_out)
    return Use(groups_of(inputs, values, errors), tabs, left_out)


_WAYS = (
    ("component", "GitLab CI", "For the `.gitlab-ci.yml` of a project in the same GitLab."),
    ("docker", "Docker", "For a machine with Docker: it works in the folder that one is in."),
    (
        "pipeline",
        "Data pipeline",
        "A `mlreef-pipeline.yml` to begin with; `mlreef-bot pipeline render` makes CI of it.",
    ),
)


def _tab(
    key: str, title: str, about: str, snippet: Snippet | None, inputs: Iterable[Input], chosen: str
) -> Tab:
    is_chosen = chosen == key
    if snippet is None:
        return Tab(key, title, about, "", (NO_COMPONENT,), is_chosen)
    labels = {one.name: label(one.parameter) if one.parameter else one.name for one in inputs}
    left_out = list(dict.fromkeys(labels[one.field] for one in snippet.problems if one.field in labels))
    words = [one.message for one in snippet.problems if one.field not in labels]
    if left_out:
        words.append(f"Still to fill in, or to mend: {', '.join(left_out)}.")
    return Tab(key, title, about, snippet.text, tuple(words), is_chosen)
