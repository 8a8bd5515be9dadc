"""Annotations, by themselves and against the command line: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

ANNOTATIONS: dict[str, Known] = {
    # Annotations
    "several-annotations": Known(
        _ERROR,
        "@data_processor appears {count} times; a module has one.",
        "Keep one @data_processor, or split the script into several repositories.",
    ),
    "annotation-incomplete": Known(_ERROR, "@{annotation} has no {field}.", 'Add it: `{field}="…"`.'),
    "annotation-field-unknown": Known(
        _WARNING, "@{annotation} has no field {field}; it is ignored.", "Known fields are {fields}."
    ),
    "annotation-too-many": Known(
        _ERROR,
        "@{annotation} has {count} positional values; it takes at most {most}.",
        "Positional values are, in this order: {fields}. Name them to be sure.",
    ),
    "annotation-twice": Known(
        _ERROR,
        "@{annotation} gives {field} twice.",
        "Keep one: Python refuses a call with the same argument twice.",
    ),
    "annotation-value": Known(_ERROR, "@{annotation} gives {field} as {value}; {why}.", "{mend}"),
    "annotation-not-static": Known(
        _INFO,
        "The {field} of @{annotation} {be} not known without running the script: `{source}` {why}.",
        "Write the value itself there, if it should be shown to people.",
    ),
    "annotation-undefined": Known(
        _ERROR,
        "{name} is neither defined nor imported in this file, so the script stops at this annotation.",
        "{mend}",
    ),
    "annotation-gives-itself": Known(
        _ERROR,
        "{name}() gives back itself instead of the function: {what}.",
        "Have it give back the function: `{mended}`.",
    ),
    "annotation-without-processor": Known(
        _WARNING,
        "{file} has @{annotation} annotations and no @data_processor.",
        "Add @data_processor(name=…, type=…, …) to describe the module.",
    ),
    # The parameters file
    "parameters-file-refused": Known(_ERROR, "{file} cannot be the parameters file: {why}.", "{mend}"),
    "parameters-file-taken": Known(
        _INFO,
        "{file} was taken as the parameters file: it has annotations and reads no command line.",
        "Name it in .mlreef.yaml (`parameters_file: {file}`) to be sure.",
    ),
    "annotation-of-no-entry-point": Known(
        _WARNING,
        "This @data_processor is for none of the entry points ({roles}), so nobody sees it.",
        'Name the one that it is for: `command="{role}"`.',
    ),
    "entry-point-annotated-twice": Known(
        _ERROR,
        "A second @data_processor is for the entry point {role}.",
        "Keep one of them, or name another entry point by `command=`.",
    ),
    "annotated-in-two-files": Known(
        _WARNING,
        "The entry point {role} is annotated here and in {file}; what stands there is taken.",
        "Keep one of them.",
    ),
    "entry-point-not-annotated": Known(
        _INFO,
        "No @data_processor in {file} is for the entry point {role}.",
        'Add one with `command="{role}"`, if people should read about it.',
    ),
    "parameter-name": Known(
        _ERROR,
        "The parameter name {name} is not allowed.",
        "Use letters, digits, `-` and `_` only, as in `input-path`.",
    ),
    "parameter-type": Known(
        _ERROR,
        "{type} is not a type of parameter.",
        "{mend}",
    ),
    "parameter-annotated-twice": Known(
        _ERROR,
        "The parameter {name} is annotated twice; first in line {line}.",
        "Remove one of the two annotations.",
    ),
    # Annotations against the command line
    "annotated-not-accepted": Known(
        _WARNING,
        "{name} is annotated, but the script does not accept --{name}.",
        "{mend}",
    ),
    "accepted-not-annotated": Known(
        _INFO,
        "{name} is accepted by the script and not annotated.",
        'Add `@parameter(name="{name}", …)` to describe it.',
    ),
    "type-differs": Known(
        _WARNING,
        "{name} is annotated as {annotated}, but the script reads {type}; {why}.",
        "Give both the same type. The script's is the one published.",
    ),
    "default-differs": Known(
        _WARNING,
        "{name} is annotated with the default {annotated}, but the script has {value}.",
        "Give both the same default. The script's is the one published.",
    ),
    "required-differs": Known(
        _WARNING,
        "{name} is annotated as {annotated}, but for the script it is {value}.",
        "Make both the same. The script's is the one published.",
    ),
    "annotated-not-a-choice": Known(
        _WARNING,
        "{name} is annotated with the default {annotated}, which the script refuses: its choices are {choices}.",
        "Annotate one of the choices.",
    ),
    "annotated-default-type": Known(
        _WARNING,
        "{name} is annotated as {annotated}, but its annotated default {value} is not of that type.",
        "Correct the type or the default; they stand side by side.",
    ),
    "choices-differ": Known(
        _INFO,
        "The description of {name} speaks of {described}; the script accepts {accepted}.",
        "Name the same values in both, so that people do not try those that are refused.",
    ),
    "described-choices": Known(
        _INFO,
        "The description of {name} speaks of {described}, and the script accepts any value.",
        "If these are all, add `choices=[{choices}]`: then others are refused at once.",
    ),
    "described-range": Known(
        _INFO,
        "The description of {name} speaks of the range {described}, and the script accepts any number.",
        "If this range holds, check it where the value is read: then others are refused at once.",
    ),
    "default-not-as-described": Known(
        _INFO,
        "The default {value} of {name} is outside of what its description speaks of: {described}.",
        "Correct the default or the description, if people would be misled.",
    ),
}
