"""`spec: inputs` of an included file: values are checked against it and put into the file's text, as GitLab does.

GitLab puts values in before the text is read as YAML: strings as they are, everything else as JSON. Functions behind
a value (`| posix_escape`) are not built here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import re2
import yaml

from sandbox.gitlab.rules import Invalid

MAX_OPTIONS = 50
"""As many as GitLab takes for one input."""

MAX_ERRORS_TOLD = 3
"""Of several faults GitLab tells the first three, as one sentence."""

DIVIDER = re.compile(r"^---\s+", re.MULTILINE)
BLOCK = re.compile(r"\$\[\[\s*(?P<data>\S.*?\S)\s*\]\]")
KEYS = {"default", "description", "options", "regex", "rules", "type"}
COMPONENT_KEYS = {"name", "reference", "sha", "version"}

Kinds = Mapping[str, tuple[str, type | tuple[type, ...]]]
KINDS: Kinds = {
    "string": ("a string", str),
    "number": ("a number", (int, float)),
    "boolean": ("a boolean", bool),
    "array": ("an array", list),
}


def interpolated(text: str, given: Mapping[str, Any], component: Mapping[str, str]) -> str:
    """The text of an included file with its values in it. `component` is what a component may know of itself.

    Raises Invalid with GitLab's words.
    """
    header, content = _documents(text)
    if header is None:
        if given:
            raise Invalid("Given inputs not defined in the `spec` section of the included configuration file")
        return content
    spec = header["spec"]
    if spec is not None and not isinstance(spec, dict):
        raise Invalid("header:spec config should be a hash")
    spec = spec or {}
    unknown = sorted(map(str, spec.keys() - {"inputs", "component", "description", "include"}))
    if unknown:
        raise Invalid(f"header:spec config contains unknown keys: {', '.join(unknown)}")
    values = _values(spec.get("inputs") or {}, given)
    context = {"inputs": values, "component": _component(spec.get("component"), component)}
    return BLOCK.sub(lambda block: _value(block["data"], context), content)


def _documents(text: str) -> tuple[dict[str, Any] | None, str]:
    documents = [part for part in DIVIDER.split(text) if part.strip()]
    if len(documents) < 2:
        return None, documents[0] if documents else ""
    try:
        first = yaml.safe_load(documents[0])
    except yaml.YAMLError as failure:
        raise Invalid(f"Invalid configuration format: {str(failure).splitlines()[0]}") from failure
    if isinstance(first, dict) and "spec" in first:
        return first, documents[-1]
    return None, documents[0]


def _values(specs: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(specs, dict):
        raise Invalid("header:spec:inputs config should be a hash")
    faults = []
    strangers = [str(name) for name in given if name not in specs]
    if strangers:
        faults.append(f"unknown input arguments: {', '.join(strangers)}")
    values = {}
    for name, spec in specs.items():
        said = spec or {}
        if not isinstance(said, dict):
            raise Invalid(f"header:spec:inputs:{name} config should be a hash")
        _check_spec(str(name), said)
        value = given.get(name)
        found = _faults(said, value)
        faults += [f"`{name}` input: {fault}" for fault in found]
        values[str(name)] = _coerced(said, said.get("default") if value is None else value)
    if faults:
        raise Invalid(", ".join(faults[:MAX_ERRORS_TOLD]))
    return values


def _check_spec(name: str, spec: Mapping[str, Any]) -> None:
    where = f"header:spec:inputs:{name}"
    unknown = sorted(map(str, spec.keys() - KEYS))
    if unknown:
        raise Invalid(f"{where} config contains unknown keys: {', '.join(unknown)}")
    if spec.get("type", "string") not in KINDS:
        raise Invalid(f"{where} input type unknown value: {spec['type']}")
    if len(spec.get("options") or ()) > MAX_OPTIONS:
        raise Invalid(f"{where} config cannot define more than {MAX_OPTIONS} options")


def _faults(spec: Mapping[str, Any], value: Any) -> list[str]:
    if "default" not in spec and value is None:
        return ["required value has not been provided"]
    faults = []
    if "default" in spec:
        faults += _faults_of("default", spec, spec["default"])
    if value is not None:
        faults += _faults_of("provided", spec, value)
    return faults


def _faults_of(which: str, spec: Mapping[str, Any], value: Any) -> list[str]:
    kind = spec.get("type", "string")
    words, types = KINDS[kind]
    value = _coerced(spec, value)
    found = []
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "boolean"):
        found.append(f"{which} value is not {words}")
    options = spec.get("options")
    if options is not None and kind not in ("string", "number"):
        found.append("Options can only be used with string and number inputs")
    elif options and value not in (list(map(_ruby, options)) if kind == "string" else options):
        found.append(f"`{value}` cannot be used because it is not in the list of allowed options")
    if "regex" in spec and kind != "string":
        found.append("RegEx validation can only be used with string inputs")
    elif "regex" in spec and isinstance(value, str) and not _matches(str(spec["regex"]), value):
        found.append(f"{which} value does not match required RegEx pattern")
    return found


def _coerced(spec: Mapping[str, Any], value: Any) -> Any:
    """Strings take anything as text; everything else takes text that is JSON."""
    if spec.get("type", "string") == "string":
        return _ruby(value)
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _ruby(value: Any) -> str:
    """A value as text, as Ruby writes it."""
    if isinstance(value, str) or value is None:
        return value or ""
    return json.dumps(value)


def _matches(pattern: str, text: str) -> bool:
    """Whether a text fits, by the library that GitLab asks; its `$` is the very end of the text."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search(text) is not None
    except re2.error:
        raise Invalid("invalid regular expression") from None


def _component(wanted: Any, known: Mapping[str, str]) -> dict[str, str]:
    wanted = wanted or []
    if not isinstance(wanted, list) or not set(map(str, wanted)) <= COMPONENT_KEYS:
        raise Invalid(
            f"header:spec:component config contains unknown values: {wanted}; "
            f"it may hold {', '.join(sorted(COMPONENT_KEYS))}"
        )
    return {name: known[name] for name in map(str, wanted) if name in known}


def _value(data: str, context: Mapping[str, Mapping[str, Any]]) -> str:
    access, *functions = [part.strip() for part in data.split("|")]
    if access.split(".")[0] == "matrix":
        return f"$[[ {data} ]]"
    if functions:
        raise Invalid(f"no function matching `{functions[0]}`: the sandbox knows none")
    holder, dot, name = access.partition(".")
    if not dot:
        raise Invalid("invalid interpolation access pattern")
    for key, known in ((holder, context), (name, context.get(holder, {}))):
        if key not in known:
            raise Invalid(f"unknown interpolation key: `{key}`")
    value = context[holder][name]
    return value if isinstance(value, str) else json.dumps(value)
