"""The words for each common failure of a job: what happened, what to do, and who can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.cause_kinds import Kind
from bot.domain.text import row


class Who(StrEnum):
    """Who must act."""

    AUTHOR = "the author"
    OPERATOR = "whoever runs GitLab, its runners or the bot"
    NOBODY = "nobody: try again"


@dataclass(frozen=True, slots=True)
class Words:
    """A failure in a sentence, and what to do in another; `thing` stands for `{thing}` where a log names none."""

    why: str
    mend: str
    who: Who = Who.AUTHOR
    thing: str = ""


WORDS: Mapping[Kind, Words] = {
    Kind.NO_DISTRIBUTION: Words(
        "there is no version of {thing} for this environment's Python.",
        "Check its name and version, or choose another `environment` in .mlreef.yaml.",
        thing="a package",
    ),
    Kind.NO_WHEEL: Words(
        "{thing} was made for another Python or another kind of machine.",
        "Choose a version with a wheel for this one, or another `environment` in .mlreef.yaml.",
        thing="a package",
    ),
    Kind.OTHER_INDEX: Words(
        "the index has no {thing}: versions with a `+`, often for one CUDA, are on an index of their makers.",
        "Name that index with `--extra-index-url` in requirements.txt, or leave out the `+` and what follows it.",
        thing="such version",
    ),
    Kind.OTHER_PYTHON: Words(
        "a requirement needs Python {thing}, which this environment's is not.",
        "Choose another version of the package, or another `environment` in .mlreef.yaml.",
        thing="of another version",
    ),
    Kind.CONFLICT: Words(
        "two requirements ask for different versions of the same package.",
        "Loosen the version of one of them; the log names both.",
    ),
    Kind.HASH: Words(
        "a package differs from the hash that is noted for it.",
        "Find out why it changed, then renew the hashes in the requirements file.",
    ),
    Kind.BAD_REQUIREMENT: Words(
        "{thing} is not a requirement that pip understands.",
        "Write it as `name==version`.",
        thing="a line",
    ),
    Kind.NO_REQUIREMENTS_FILE: Words(
        "the file {thing} is named by another requirements file and is not in the repository.",
        "Add the file, or remove the line that names it.",
        thing="that is wanted",
    ),
    Kind.NOT_INSTALLABLE: Words(
        "a requirement names {thing}, a folder that cannot be installed.",
        "Give it a pyproject.toml, or take the line out.",
        thing="a path",
    ),
    Kind.NO_GIT: Words(
        "a requirement is fetched with git, and this environment has no git.",
        "Use a released version of it, or an `environment` with git.",
    ),
    Kind.NO_COMPILER: Words(
        "a requirement must be compiled, and this environment has no compiler.",
        "Choose a version that comes as a wheel, or an `environment` with a compiler.",
    ),
    Kind.NO_HEADER: Words(
        "a requirement must be compiled, and the file {thing} that it needs for that is missing.",
        "Choose a version that comes as a wheel, or add the Debian package with that file under `apt`.",
        thing="of a library",
    ),
    Kind.BUILD_NEEDS: Words(
        "a package that must be built here imports {thing} for that, which is not there then.",
        "Choose a version of it that comes as a wheel; the log names the package.",
        thing="a module",
    ),
    Kind.UNBUILT: Words(
        "the package {thing} could not be built here.",
        "Choose a version that comes as a ready-made wheel.",
        thing="of a requirement",
    ),
    Kind.NO_DEBIAN_PACKAGE: Words(
        "Debian has no package {thing} in this environment's release.",
        "Check the names under `apt` in .mlreef.yaml; a Dockerfile of your own runs `apt-get update` first.",
        thing="of that name",
    ),
    Kind.NO_DEBIAN_ARCHIVE: Words(
        "Debian's archive could not be reached from the build.",
        "Try again, or check the runner's network and proxy.",
        Who.NOBODY,
    ),
    Kind.NO_INDEX: Words(
        "the package index could not be reached from the build.",
        "Try again, or check the runner's network and proxy.",
        Who.NOBODY,
    ),
    Kind.UNREACHABLE: Words(
        "{thing} could not be reached from the job.",
        "Try again, or check that server, and the runner's network and proxy.",
        Who.NOBODY,
        thing="a server",
    ),
    Kind.CERTIFICATE: Words(
        "a server's certificate is not one that the job can trust.",
        "Whoever runs that server renews it, or adds its authority to the job's image and the engine.",
        Who.OPERATOR,
    ),
    Kind.DENIED: Words(
        "the container registry refuses the job.",
        "Check the image's name, that the project's registry is switched on, and the account that the job uses.",
        Who.OPERATOR,
    ),
    Kind.RATE_LIMIT: Words(
        "the registry gives no more images for now: too many were fetched from there.",
        "Try again in some hours; whoever runs the runner can sign in there, or put a mirror before it.",
        Who.OPERATOR,
    ),
    Kind.NO_IMAGE: Words(
        "the registry does not have {thing}, or has it no more.",
        "Correct its name in your Dockerfile; that of an environment is corrected by whoever runs the bot.",
        Who.OPERATOR,
        thing="an image that the job needs",
    ),
    Kind.TOO_LARGE: Words(
        "something is larger than the server takes in one piece.",
        "Leave large files out of the repository; whoever runs the server can raise its limit.",
        Who.OPERATOR,
    ),
    Kind.NO_ENGINE: Words(
        "no Docker engine answers the job.",
        "Whoever runs the runner shares an engine with its jobs, or has modules built by `layers`.",
        Who.OPERATOR,
    ),
    Kind.DOCKERFILE: Words(
        "the Dockerfile has a line that Docker does not understand.",
        "The log names the line; mend it.",
    ),
    Kind.NOT_COPIED: Words(
        "the Dockerfile copies {thing}, which is not among the files that are sent to the build.",
        "Check its path, and what `.dockerignore` leaves out.",
        thing="a file",
    ),
    Kind.DISK: Words(
        "the machine that runs the job has no room left on its disk.",
        "Whoever runs the runner must make some; then retry the job.",
        Who.OPERATOR,
    ),
    Kind.MEMORY: Words(
        "the machine ran out of memory, or killed what used too much.",
        "Use less of it, with a smaller sample or package, or ask for a bigger runner.",
    ),
    Kind.SHARED_MEMORY: Words(
        "the workers of a DataLoader ran out of shared memory, of which a job has little.",
        "Let the sample use `num_workers=0`, or ask for a runner with a larger shm_size.",
    ),
    Kind.GPU_MEMORY: Words(
        "the graphics card ran out of memory.",
        "Use less of it, with a smaller sample, model or batch.",
    ),
    Kind.CUDA: Words(
        "a package was built for another CUDA than this environment or its driver has.",
        "Choose the package's version for that CUDA, or an `environment` with the CUDA that it needs.",
    ),
    Kind.NO_GPU: Words(
        "the script wants a graphics card, and where the job runs there is none.",
        "Let it do without one where there is none, or ask for a runner with one.",
    ),
    Kind.OTHER_MACHINE: Words(
        "a program was made for another kind of processor than the runner's.",
        "Choose an `environment` for the runner's processor, or ask for another runner.",
        Who.OPERATOR,
    ),
    Kind.NO_LIBRARY: Words(
        "the system's library {thing} is not in the image.",
        "Add the Debian package that has it under `apt` in .mlreef.yaml, or a package that brings its own.",
        thing="that a package needs",
    ),
    Kind.OLD_SYSTEM: Words(
        "a package needs {thing}, which the system of this environment is too old for.",
        "Choose an older version of that package, or an `environment` with a newer Debian.",
        thing="a newer system",
    ),
    Kind.NO_PROGRAM: Words(
        "the program {thing} is not in the image.",
        "Add the Debian package that has it under `apt` in .mlreef.yaml, or in your Dockerfile.",
        thing="that is wanted",
    ),
    Kind.NO_MODULE: Words(
        "something imports {thing}, which is not in the image.",
        "Add what brings it to the requirements, or the file itself where it is your own.",
        thing="a module",
    ),
    Kind.OTHER_VERSION: Words(
        "the installed version of {thing} does not have what the code takes from it.",
        "Name the version that the code was written for in the requirements.",
        thing="a package",
    ),
    Kind.OTHER_BUILD: Words(
        "a compiled package was built for another version of a package that it works with, often of torch.",
        "Name versions of both in the requirements that go together, as that package's own page says.",
    ),
    Kind.NUMPY: Words(
        "a package was built for an older numpy than the installed one.",
        "Add `numpy<2` to the requirements, or take a newer version of that package.",
    ),
    Kind.SAMPLE: Words(
        "the sample did not run through in the image.",
        "Read what it printed above; its words are `sample` in .mlreef.yaml.",
    ),
    Kind.TESTS: Words(
        "the repository's own tests fail in the image.",
        "Read which ones in the log; `tests: false` in .mlreef.yaml leaves them out.",
    ),
    Kind.CLONE_REFUSED: Words(
        "a git server did not let the job fetch a repository.",
        "Check that it is there, and that it lets this project's jobs in (Settings › CI/CD › Job token permissions).",
    ),
    Kind.COMMIT_GONE: Words(
        "the repository has {thing} no more, as after a push with force.",
        "Push again, or run a pipeline for the branch as it is now.",
        thing="the job's commit",
    ),
    Kind.LFS: Words(
        "{thing}, which is kept in LFS, could not be fetched.",
        "Check that the file was pushed to LFS, and that there is room left in the project's storage.",
        thing="a file",
    ),
    Kind.LFS_POINTER: Words(
        "a file that the script loads is kept in LFS, and here is only what points to it.",
        "Check that the file was pushed to LFS, and that the job fetches it (`GIT_LFS_SKIP_SMUDGE` is not set).",
    ),
    Kind.TIME_OUT: Words(
        "the job took longer than its time-out allows.",
        "Make it quicker, with a smaller sample or fewer tests, or ask for a longer time-out of the runner.",
    ),
    Kind.STUCK: Words(
        "no runner took the job in time.",
        "Whoever runs the runners looks whether one is up and takes jobs of this project with these tags.",
        Who.OPERATOR,
    ),
    Kind.QUOTA: Words(
        "there are no minutes left on shared runners.",
        "Whoever runs the group buys some, or brings a runner of its own.",
        Who.OPERATOR,
    ),
    Kind.HANDOVER_GONE: Words(
        "what an earlier job handed over is gone.",
        "Run the whole pipeline again, not this job alone.",
        Who.NOBODY,
    ),
    Kind.RUNNER: Words(
        "the runner broke before the job was done.",
        "Retry the job; if it happens again, whoever runs the runner finds why in its own log.",
        Who.NOBODY,
    ),
    Kind.LOG_CUT: Words(
        "the job printed more than GitLab keeps of a log, so that its end is not there.",
        "Let it print less, for example no bars that grow, and run it again: then the log says why it fails.",
    ),
}


def cause_table() -> list[str]:
    """All causes as the rows of a Markdown table, for the documentation."""
    rows = [
        row(f"`{kind}`", _shown(words.why, words), _shown(words.mend, words), str(words.who))
        for kind, words in WORDS.items()
    ]
    return [row("", "what happened", "what to do", "who can"), row(*["---"] * 4), *rows]


def _shown(text: str, words: Words) -> str:
    shown = text.replace("{thing}", words.thing)
    return shown[0].upper() + shown[1:]
