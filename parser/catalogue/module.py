"""Settings, the project, and the module as a whole: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

MODULE: dict[str, Known] = {
    # .mlreef.yaml
    "settings-invalid": Known(_ERROR, ".mlreef.yaml cannot be read: {why}.", "{mend}"),
    "settings-unknown": Known(_WARNING, ".mlreef.yaml has the unknown key {key}; it is ignored.", "{mend}"),
    "settings-value": Known(_ERROR, "{key} in .mlreef.yaml {why}.", "{mend}"),
    "env-refused": Known(
        _ERROR,
        "The environment variable `{name}` {why}.",
        "Change or remove it under `env` in .mlreef.yaml.",
    ),
    "environment-unknown": Known(
        _ERROR,
        "There is no environment `{name}` here.",
        "Choose one of {known} in .mlreef.yaml, or leave `environment` out for `{default}`.",
    ),
    "environment-without-gpu": Known(
        _ERROR,
        "`{what}` is made for {cuda}, which the environment `{name}` does not have.",
        "{mend}",
    ),
    "environment-several": Known(
        _ERROR,
        "`{what}` needs CUDA, and several environments have it: {known}.",
        "Name the one that is meant in .mlreef.yaml: `environment: {name}`.",
    ),
    "environment-python": Known(
        _WARNING,
        "Python {wish} is asked for here, and the environment `{name}` has Python {python}.",
        "Choose an environment with such a Python in .mlreef.yaml, or widen the wish.",
    ),
    "environment-unneeded-cuda": Known(
        _WARNING,
        "{what} brings {size} which are of no use in the environment `{name}`.",
        "Write `torch==VERSION+cpu` with its version and, on a line of its own, `--extra-index-url {index}`; or"
        " choose an environment with CUDA.",
    ),
    # How the image is built
    "own-file-missing": Known(
        _ERROR,
        "`{key}` in .mlreef.yaml names {file}, and the repository has no such file.",
        "Commit the file (a link does not count), or correct its path.",
    ),
    "apt-beside-dockerfile": Known(
        _ERROR,
        "`apt` has no effect beside {file}: the image is built from it.",
        "Install the packages in {file} and remove `apt`, or remove or rename {file}.",
    ),
    "engine-not-allowed": Known(
        _ERROR,
        "{what} needs the engine {wanted}; the operator of the bot allows {allowed}.",
        "{mend}",
    ),
    "engine-cannot": Known(
        _ERROR,
        "The engine `{engine}` cannot build this: {what}.",
        "{mend}",
    ),
    # The project and its files
    "branch-not-published": Known(
        _WARNING, "branches in .mlreef.yaml names {name}, which is not published: {why}.", "{mend}"
    ),
    "visibility-differs": Known(
        _WARNING,
        "The annotation says `{annotated}`, but this project is {value}.",
        "GitLab's setting counts: the module is as visible as its project. Change either to match.",
    ),
    "path-refused": Known(_ERROR, "This path cannot be put into an image.", "Rename it."),
    "link-leaves-repository": Known(
        _ERROR,
        "This link points out of the repository, to `{target}`.",
        "Let it point to a file of the repository, by a relative path, or remove it.",
    ),
    "lfs-missing": Known(
        _ERROR,
        "This file is kept by Git LFS, and the runner did not fetch it.",
        "Switch on Git LFS for the project and on the runner (no GIT_LFS_SKIP_SMUDGE).",
    ),
    "too-many-files": Known(
        _ERROR,
        "The repository holds more than {limit} files and folders, too many to be listed.",
        "Keep data out of git: in Git LFS as an archive, in DVC, or in a package registry.",
    ),
    "repository-too-large": Known(
        _ERROR,
        "The repository holds {files} files of {size} MiB together; a module may have {most_files} files of"
        " {most_size} MiB.",
        "Keep data out of the repository; give it to the module by a parameter.",
    ),
    "reading-given-up": Known(_ERROR, "Reading this repository was given up: {why}.", "{mend}"),
    "generated-file-edited": Known(
        _WARNING,
        "mlreef.yml is changed by hand here, and the next publication overwrites that.",
        "Take the change back, and change the script, its requirements or .mlreef.yaml: mlreef.yml follows from them.",
    ),
    "generated-file-taken": Known(
        _ERROR,
        "mlreef.yml is {what} here, and the file that publishes has to stand there.",
        "Remove or rename it; mlreef.yml is written by itself.",
    ),
    "pipeline-not-run": Known(
        _ERROR,
        "Nothing would run mlreef.yml, so nothing would be published: {why}.",
        "Name mlreef.yml as the project's CI/CD configuration file, or let a job of your own CI trigger it with"
        " `strategy: depend`.",
    ),
    # The module
    "module-defaults": Known(
        _INFO,
        "The module's {fields} not given; {values} taken.",
        "Add a @data_processor annotation, or write them into .mlreef.yaml.",
    ),
    "name-differs": Known(
        _WARNING,
        "The annotation's {field} is {annotated}, .mlreef.yaml's is {value}; the annotation's is taken.",
        "Keep one of them.",
    ),
    "entry-points-disagree": Known(
        _WARNING,
        "The annotated {field} is {value} for the entry point {first} and {other} for {role}; the module has the"
        " first.",
        "Write the same for all of them: a module has it once.",
    ),
    "models-only": Known(
        _WARNING,
        "`{key}` has no effect: only a model has it, and this module is of the kind {kind}.",
        "Remove it, or say that the module is a model: `kind: ALGORITHM`.",
    ),
    "name-refused": Known(
        _ERROR, "The module's name {name} cannot be used: {why}.", "Choose a shorter, plain name."
    ),
    "too-many-problems": Known(
        _INFO, "{count} further problems are not shown.", "Mend the first ones and look again."
    ),
}
