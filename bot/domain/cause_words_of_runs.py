"""The words for what goes wrong where something runs: the machine, programs, git, and the job itself."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.cause_kinds import Kind, Who, Words

RUNS: Mapping[Kind, Words] = {
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
