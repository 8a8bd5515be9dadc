"""A version once more: the jobs of a pipeline that somebody asked the bot for because its image is gone.

Of the recorded commit the recorded lock is built, and the result is compared with what the record says. Nothing is
published here: only the bot, who knows who asked, gives names. So the variable that starts all this may be set by
anybody.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path

from bot.adapters.checkout import Commit, ensure_commit, load_commit
from bot.adapters.registry import Manifest, Registry, read_image
from bot.adapters.withdrawn import describe_image
from bot.ci.gathering import load_contents
from bot.ci.handover import ensure_folder, write_dotenv
from bot.ci.job import NOTHING_TO_PROMOTE, CiJob
from bot.ci.log import Log
from bot.ci.order import Order
from bot.ci.recorded import Recorded, document, fetch_recorded
from bot.ci.verify import Judgement, Verdict, with_limits, write_wheels_list
from bot.ci.vouch import vouch
from bot.domain.pipeline import PATH, read_pipeline_settings
from bot.domain.rebuild import difference_lines
from bot.domain.tags import is_digest
from bot.errors import BotError, OperatorError
from bot.layers.compare import Side, compare
from bot.layers.contents import Contents
from parser.model import Severity
from parser.read import read

MAX_COMPARED_BYTES = 256 * 1024 * 1024
"""Bytes of a layer that is fetched to be compared file by file."""


def verify_again(job: CiJob, log: Log) -> int:
    """Runs the first job: is there a record of it, and can its commit be built once more?"""
    recorded = fetch_recorded(job)
    record = recorded.record
    log.say(f"Version {recorded.name} was taken back, and is built once more of {record.sha[:8]}.")
    judgement = judge_again(_load(job, recorded), job["CI_PROJECT_NAME"])
    log.say(judgement.why)
    if judgement.verdict is not Verdict.AGAIN:
        log.problems(judgement.problems)
        log.give_up(f"{recorded.name} cannot be built once more. {judgement.why}")
        return 1
    folder = ensure_folder(job.directory)
    write_dotenv(folder / "verify.env", {"MLREEF_VERDICT": str(Verdict.AGAIN)})
    write_wheels_list(folder, judgement, wanted=True)
    return 0


def open_order_again(job: CiJob, log: Log) -> Order | Verdict:
    """What the build job is to build; or the verdict by which nothing is."""
    recorded = fetch_recorded(job)
    commit = _load(job, recorded)
    judgement = judge_again(commit, job["CI_PROJECT_NAME"])
    module, settings = judgement.module, judgement.settings
    if module is None or settings is None:
        log.problems(judgement.problems)
        log.give_up(f"{recorded.name} cannot be built once more. {judgement.why}")
        return Verdict.REFUSE
    log.say("1/4  Gathering the sources of the recorded commit")
    contents = load_contents(job.directory, commit.sha, module)
    if not isinstance(contents, Contents):
        log.refuse(contents)
        return Verdict.REFUSE
    if settings.engine == "layers" and not recorded.locks:
        log.give_up(f"no lock was recorded of {recorded.name}, so it cannot be built as it was.")
        return Verdict.REFUSE
    told = "by the recorded lock" if recorded.locks else "which does not promise the same bytes"
    log.say(f"     Engine `{settings.engine}`, {told}.")
    about = CiJob({**job.variables, "CI_COMMIT_SHA": commit.sha})
    return Order(about, commit, judgement.report, module, settings, contents, recorded)


def judge_again(commit: Commit, project_name: str) -> Judgement:
    """What the commit gives now. Whether its file was right was found out when it was published."""
    report = read(with_limits(commit), project_name)
    problems, module = report.problems, report.module
    if module is None or any(problem.severity is Severity.ERROR for problem in problems):
        return Judgement(Verdict.REFUSE, "Its commit cannot be published any more.", report, problems)
    try:
        settings = read_pipeline_settings(commit.pipeline or b"")
    except ValueError as error:
        return Judgement(Verdict.STOP, f"Its {PATH} cannot be read any more: {error}.", report, problems)
    return Judgement(Verdict.AGAIN, "Its commit can be built.", report, problems, module, settings)


def compare_again(job: CiJob, log: Log) -> int:
    """Runs the last job. 75: the same bytes, to which the bot gives names. 1: another image; the log says more."""
    recorded = fetch_recorded(job)
    digest = job["MLREEF_DIGEST"]
    if job.get("MLREEF_VERDICT") != Verdict.AGAIN or not is_digest(digest):
        raise OperatorError(
            f"MLREEF_VERDICT is {job.get('MLREEF_VERDICT')!r} and MLREEF_DIGEST is {digest!r}.",
            "They come from the build job; run the pipeline again.",
        )
    host, repository = read_image(job["CI_REGISTRY_IMAGE"].lower())
    about = CiJob({**job.variables, "CI_COMMIT_SHA": recorded.record.sha})
    with Registry(host, job["CI_REGISTRY_USER"], job["CI_REGISTRY_PASSWORD"]) as registry:
        built = registry.fetch_manifest(repository, digest)
        if built is None:
            log.say(f"The image {digest} is no longer in the registry. Run the pipeline again.")
            return 1
        if digest == recorded.record.digest:
            log.say(f"The same bytes: {recorded.name} is {digest} again.")
            if not vouch(about, log, registry, repository, built):
                return 1
            log.say("The bot gives it its names back.")
            return NOTHING_TO_PROMOTE
        log.say(f"Another image: {recorded.record.digest} became {digest}. Nothing is published.")
        for line in difference_lines(_differences(registry, repository, recorded, built)):
            log.say(line)
        log.give_up("built once more, it is another image than it was.")
        return 1


def _load(job: CiJob, recorded: Recorded) -> Commit:
    sha = recorded.record.sha
    ensure_commit(job.directory, job["CI_REPOSITORY_URL"], sha)
    return load_commit(job.directory, sha, PATH)


def _differences(registry: Registry, repository: str, recorded: Recorded, built: Manifest) -> Iterator[str]:
    now = describe_image(registry, repository, built, {})
    if recorded.kept is None or now is None:
        yield "what it was is not recorded, so only the digests can be compared"
        return
    with tempfile.TemporaryDirectory(prefix="mlreef-compare-") as folder:
        for one, other in zip_longest(recorded.kept.images, now.images):
            if one is None or other is None:
                yield "it is there for other platforms"
                continue
            open_layer = _opener(registry, repository, Path(folder), (one[0], other[0]))
            yield from compare(*(Side(document(m.content), document(c), open_layer) for m, c in (one, other)))


def _opener(
    registry: Registry, repository: str, folder: Path, images: tuple[Manifest, ...]
) -> Callable[[str], Path | None]:
    sizes = {part["digest"]: part["size"] for image in images for part in document(image.content)["layers"]}

    def open_layer(digest: str) -> Path | None:
        path = folder / digest.removeprefix("sha256:")
        if path.exists():
            return path
        if sizes[digest] > MAX_COMPARED_BYTES or not registry.has_blob(repository, digest):
            return None
        try:
            with path.open("wb") as file:
                registry.fetch_blob(repository, digest, file, sizes[digest])
        except BotError:
            path.unlink(missing_ok=True)
            return None
        return path

    return open_layer
