"""The words for what goes wrong while an image is made: packages, servers, registries, the Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.cause_kinds import Kind, Who, Words

BUILDS: Mapping[Kind, Words] = {
    Kind.NO_DISTRIBUTION: Words(
        "there is no version of {thing} for this environment's Python.",
        "Check its name and version, and that an index of your own lets the build in, or choose another `environment`.",
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
    Kind.OLD_LISTS: Words(
        "what apt knows of Debian's archive is older than the archive, which has that version no more.",
        "Write `apt-get update` and `apt-get install` into one `RUN` of the Dockerfile, so that both are new.",
    ),
    Kind.NO_INDEX: Words(
        "the package index could not be reached from the build.",
        "Try again, or check the runner's network and proxy.",
        Who.NOBODY,
    ),
    Kind.INDEX_DENIED: Words(
        "a package index does not let the build in.",
        "Check that index's address and what the build signs in with; one in GitLab takes the job's token.",
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
}
