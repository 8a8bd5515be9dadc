"""The pages as a browser gets them: what they say, what they never say, and the rules they come with."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from bot.domain.access import ANONYMOUS, NotAccepted, Person
from bot.domain.catalogue import Query, VersionState
from bot.domain.component import component_inputs
from bot.domain.data_pipeline_text import pipeline_yaml
from bot.domain.snippets import component_snippet, docker_line
from bot.domain.views import Found, ModuleView
from bot.errors import TryAgain
from bot.web.app import create_web
from bot.web.badges import UNKNOWN
from bot.web.words import LEVELS, STATES, ago, coded
from pictures.catalogue import Nobody, Sample, written
from tests.domain.hostile import ATTACKS
from tests.web.conftest import SETTINGS

NOISE = "/modules/vision/add-noise"
PAGES = (
    *("/", "/?q=noise&kind=OPERATION&input=IMAGE", "/?q=nothing+like+it", NOISE, f"{NOISE}/-/1.0.2"),
    *(
        "/modules/language/tokens",
        "/modules/vision/resnet",
        f"{NOISE}/-/compare/0.9.0/1.1.0",
        "/publications",
    ),
    *("/nowhere", "/modules/vision/nowhere", f"{NOISE}/-/7.7.7"),
)


class Elements(HTMLParser):
    """What a page is made of: each element with the names of its attributes; and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.made: list[tuple[str, tuple[str, ...]]] = []
        self.given: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made.append((tag, tuple(name for name, _ in attrs)))
        self.given += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, name: str) -> list[str]:
        return [value for one, attribute, value in self.given if (one, attribute) == (tag, name)]


def read(client: FlaskClient, address: str) -> Elements:
    return Elements(client.get(address).text)


@pytest.mark.parametrize("address", PAGES)
def test_every_page_forbids_scripts_and_styles_in_itself_and_has_none(
    client: FlaskClient, address: str
) -> None:
    answer = client.get(address)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = Elements(answer.text)
    assert [attributes for tag, attributes in page.made if tag == "script"] == [("src", "defer")]
    assert "style" not in {tag for tag, _ in page.made}
    assert not {name for _, names in page.made for name in names if name == "style" or name.startswith("on")}


@pytest.mark.parametrize("address", PAGES)
def test_what_one_person_sees_is_kept_by_nobody_in_between(client: FlaskClient, address: str) -> None:
    heads = client.get(address).headers
    assert heads["Cache-Control"] == "no-store"
    assert heads["Vary"] == "Cookie, Private-Token, Authorization"


@pytest.mark.parametrize("address", PAGES)
def test_ids_of_a_page_are_unique_and_every_label_names_one(client: FlaskClient, address: str) -> None:
    page = read(client, address)
    ids = [value for _, name, value in page.given if name == "id"]
    assert len(ids) == len(set(ids))
    assert set(page.values("label", "for")) <= set(ids)
    named = " ".join(
        value for _, name, value in page.given if name in ("aria-describedby", "aria-labelledby")
    )
    assert set(named.split()) <= set(ids)


def test_styles_and_scripts_are_kept_for_ever_under_an_address_that_changes_with_them(
    client: FlaskClient,
) -> None:
    page = read(client, "/")
    for address in (*page.values("link", "href"), *page.values("script", "src")):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_the_list_goes_on_where_it_ended(client: FlaskClient, shelf: Sample) -> None:
    plain = written("Plain", "OPERATION", "TEXT", "TEXT", "Does nothing.")
    assert len(shelf.modules) < 24
    for number in range(30):
        shelf.add(f"many/plain-{number}", {"1.0.0": plain}, days=100 + number)
    page = read(client, "/")
    assert (
        page.text.index("Add Noise") < page.text.index("Confusion Matrix") < page.text.index("many/plain-0")
    )
    more = next(value for value in page.values("a", "href") if "after=" in value)
    after = read(client, more)
    assert "ResNet" in after.text
    assert "Add Noise" not in after.text
    names = re.findall(r"many/plain-\d+", page.text + after.text)
    assert len(names) == len(set(names)) == 30
    assert not [value for value in after.values("a", "href") if "after=" in value]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("q=noise", {"Add Noise"}),
        ("kind=VISUALIZATION", {"Confusion Matrix"}),
        ("input=IMAGE&output=MODEL", {"ResNet Classifier"}),
        ("topic=preprocessing", {"Crop and Scale", "Tokens of Texts"}),
        ("parameter=epochs", {"ResNet Classifier"}),
        ("q=noise&kind=ALGORITHM", set()),
        ("model=CLASSIFICATION&category=COMPUTER_VISION", {"ResNet Classifier"}),
        ("category=AUDIO", set()),
    ],
)
def test_a_search_shows_what_fits_and_keeps_what_was_asked(
    client: FlaskClient, search: str, found: set[str]
) -> None:
    page = client.get(f"/?{search}").text
    shown = set(re.findall(r'<h2><a href="[^"]*">([^<]*)</a>', page))
    assert shown == found
    for given in search.split("&"):
        name, _, value = given.partition("=")
        assert re.search(
            rf'name="{name}"[^>]*value="{value}"|name="{name}">.*?value="{value}" selected', page, re.S
        ) or (f"<option selected>{value}</option>" in page)


def test_a_models_page_leads_to_others_of_its_type_and_category(client: FlaskClient) -> None:
    page = read(client, "/modules/vision/resnet")
    assert {"/?model=CLASSIFICATION", "/?category=COMPUTER_VISION"} <= set(page.values("a", "href"))
    assert "model type classification" in page.text
    assert "category computer vision" in page.text


def test_a_module_page_tells_all_there_is_to_know_of_a_version(client: FlaskClient, shelf: Sample) -> None:
    view = shelf.module("vision/add-noise", ANONYMOUS)
    assert view is not None
    assert view.shown is not None
    page = read(client, NOISE)
    listed = view.shown.listed
    for words in (
        "Add Noise",
        "1.1.0",
        "Published",
        "IMAGE",
        "augmentation",
        "105 MB",
        "Plain Python",
        "main-3",
    ):
        assert words in page.text
    assert f"{listed.image}@{listed.digest}" in page.text
    for url in (view.listed.web_url, view.shown.commit_url, view.shown.pipeline_url, view.shown.log_url):
        assert url in page.values("a", "href")
    assert "stops relying on clean ones" in page.text


@pytest.mark.parametrize(
    ("visibility", "words"),
    [
        ("public", "Public project"),
        ("internal", "Internal project: for everybody who is signed in"),
        ("private", "Private project"),
    ],
)
def test_a_module_page_says_for_whom_its_project_is(
    client: FlaskClient, shelf: Sample, visibility: str, words: str
) -> None:
    listed, versions = shelf.modules["vision/add-noise"]
    shelf.modules["vision/add-noise"] = (replace(listed, visibility=visibility), versions)
    assert f"You can. {words} By digest" in " ".join(read(client, NOISE).text.split())


def test_a_form_that_nobody_touched_shows_the_shortest_component(client: FlaskClient, shelf: Sample) -> None:
    view = shelf.module("vision/add-noise", ANONYMOUS)
    assert view is not None
    assert view.shown is not None
    assert view.shown.module is not None
    page = read(client, NOISE)
    assert component_snippet(view.shown.module, "vision/add-noise", "1.1.0", {}).text in page.text
    assert "Still to fill in, or to mend: --input-path." in page.text
    assert not [value for _, name, value in page.given if name == "aria-invalid"]


def test_what_is_typed_stands_in_every_text_to_copy(client: FlaskClient, shelf: Sample) -> None:
    view = shelf.module("vision/add-noise", ANONYMOUS)
    assert view is not None
    assert view.shown is not None
    assert view.shown.module is not None
    values = {"input-path": 'data/it\'s "here"', "output-path": "out", "mode": "speckle", "variance": "-1e-3"}
    query = {f"p.{name}": value for name, value in values.items()}
    page = Elements(client.get(NOISE, query_string=query).text)
    component = component_snippet(view.shown.module, "vision/add-noise", "1.1.0", values)
    image = f"{view.shown.listed.image}@{view.shown.listed.digest}"
    assert component.problems == ()
    assert component.text in page.text
    assert docker_line(image, view.shown.module, values).text in page.text
    pipeline = pipeline_yaml("vision/add-noise", view.shown.module, "1.1.0", values)
    assert pipeline.problems == ()
    assert pipeline.text in page.text
    assert 'data/it\'s "here"' in page.values("input", "value")


def test_a_value_that_cannot_be_used_is_told_at_its_field(client: FlaskClient) -> None:
    page = read(client, f"{NOISE}?p.variance=much&p.mode=loud")
    assert [value for _, name, value in page.given if name == "aria-invalid"] == ["true", "true"]
    assert "Still to fill in, or to mend: --input-path, --mode, --variance." in page.text


def test_every_input_of_the_component_has_a_field(client: FlaskClient, shelf: Sample) -> None:
    view = shelf.module("vision/resnet", ANONYMOUS)
    assert view is not None
    assert view.shown is not None
    assert view.shown.module is not None
    page = read(client, "/modules/vision/resnet")
    fields = {
        name
        for name in (*page.values("input", "name"), *page.values("select", "name"))
        if name.startswith("p.")
    }
    assert fields == {f"p.{one.name}" for one in component_inputs(view.shown.module)}


@pytest.mark.parametrize("state", [state for state in VersionState if not state.available])
def test_a_version_that_is_not_there_offers_nothing_to_copy(
    client: FlaskClient, shelf: Sample, state: VersionState
) -> None:
    plain = written("Plain", "OPERATION", "TEXT", "TEXT", "Does nothing.")
    shelf.add("gone/plain", {"1.0.0": plain}, days=1, states={"1.0.0": state})
    page = read(client, "/modules/gone/plain")
    assert STATES[state].text in page.text
    assert STATES[state].about in page.text
    assert "docker run" not in page.text
    assert "sha256:" not in page.text


def test_an_older_version_says_that_there_is_a_newer_one(client: FlaskClient) -> None:
    page = read(client, f"{NOISE}/-/1.0.2")
    assert "There is a newer version." in page.text
    assert NOISE in page.values("a", "href")


def test_two_versions_beside_each_other_show_what_changed_for_users(client: FlaskClient) -> None:
    chosen = client.get(f"{NOISE}/-/compare?before=0.9.0&after=1.0.2")
    assert chosen.status_code == 303
    page = read(client, chosen.headers["Location"])
    assert LEVELS[3].about.format(before="0.9.0", after="1.0.2") in page.text
    for words in ("--sigma", "gone", "--variance", "not there", "gaussian, poisson"):
        assert words in page.text
    same = read(client, f"{NOISE}/-/compare/1.0.2/1.0.2")
    assert LEVELS[0].text in same.text


def test_publications_in_progress_show_each_stage_in_words(client: FlaskClient) -> None:
    page = read(client, "/publications")
    for words in ("Building", "Failed", "Waiting", "verify", "running", "skipped"):
        assert words in page.text
    assert "mlreef-verify" not in page.text
    assert "10" in page.values("meta", "content")


def test_the_page_of_a_module_leads_to_the_log_of_each_stage_of_the_newest_push(
    client: FlaskClient, shelf: Sample
) -> None:
    failed = next(one for one in shelf.publications if one.state is VersionState.FAILED)
    for path in ("vision/add-noise", "language/tokens"):
        assert "Newest push" not in read(client, f"/modules/{path}").text
        shelf.newest = failed
        page = read(client, f"/modules/{path}")
        shelf.newest = None
        assert "Newest push" in page.text
        links = page.values("a", "href")
        assert failed.pipeline_url in links
        assert [stage.web_url for stage in failed.stages if stage.web_url not in links] == []
        assert len(failed.stages) == 4


@pytest.mark.parametrize(
    "address", ["/modules/secret/module", "/modules/secret/module/-/1.0.0", "/modules/secret/x/-/compare/1/2"]
)
def test_what_is_not_to_be_seen_is_a_plain_404_that_names_nothing(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.text == client.get("/modules/quite/else").text
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "address",
    [
        *(
            "/modules/../../etc/passwd",
            "/modules/%2e%2e/x",
            "/modules/a/b/-/",
            "/modules//",
            "/modules/a/-/-/-/",
        ),
        *("/modules/a%00b/c", "/modules/\u2028/x", "/modules/a/b/-/..%2f..%2fx", "/static/../app.py"),
        *(
            "/static/%2e%2e/app.py",
            "/badges/a/b/other.svg",
            "/modules/a/b/-/compare",
            f"/modules/{'a/' * 2000}b",
        ),
    ],
)
def test_tricks_with_paths_find_nothing(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code in (308, 404)


def hostile(shelf: Sample, attack: str) -> None:
    """A module all of whose texts are the attack, beside a plain one."""
    plain = written("Plain", "OPERATION", "TEXT", "TEXT", "Does nothing.")
    shelf.add("evil/plain", {"1.0.0": plain, "1.1.0": plain}, days=0, topics=("topic",), readme="text")
    listed, versions = shelf.modules["evil/plain"]
    described = []
    for version, module in versions:
        assert module is not None
        parameters = tuple(
            replace(one, help=attack, printed_help=None, metavar=attack, group=attack)
            for one in module.parameters
        )
        described.append(
            (
                replace(version, environment=attack, branch=attack),
                replace(module, description=attack, parameters=parameters),
            )
        )
    newest = described[0][0]
    shelf.modules["evil/plain"] = (
        replace(
            listed, name=attack, description=attack, author=attack, topics=(attack,), kind=attack, input_type=attack,
            output_type=attack, newest=newest, visibility=attack,
        ),
        tuple(described),
    )  # fmt: skip


SHOWN = ("/", "/modules/evil/plain", "/modules/evil/plain/-/compare/1.0.0/1.1.0")


@pytest.mark.parametrize("address", SHOWN)
def test_no_text_of_a_repository_makes_an_element_or_an_attribute(app: flask.Flask, address: str) -> None:
    made = []
    for attack in (
        "plain",
        "".join(ATTACKS),
        "'\"><script>alert(1)</script>",
        "{{ 7 * 7 }}{% raw %}",
        "\" onclick=x a='",
    ):
        shelf = Sample()
        hostile(shelf, attack)
        page = Elements(create_web(shelf, Nobody(), SETTINGS).test_client().get(address).text)
        made.append([(tag, names) for tag, names in page.made])
        assert "49" not in page.text
    assert all(one == made[0] for one in made)


@pytest.mark.parametrize("which", ["version", "state"])
def test_a_badge_is_a_picture_that_says_the_same_to_those_who_cannot_see_it(
    client: FlaskClient, which: str
) -> None:
    answer = client.get(f"/badges/vision/add-noise/{which}.svg")
    assert answer.content_type == "image/svg+xml"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    words = {"version": "module: 1.1.0", "state": "module: published"}[which]
    assert f"<title>{words}</title>" in answer.text


def test_the_badge_of_what_is_hidden_is_that_of_what_does_not_exist(client: FlaskClient) -> None:
    answer = client.get("/badges/secret/module/version.svg")
    assert answer.status_code == 404
    assert answer.data == client.get("/badges/quite/else/version.svg").data
    assert UNKNOWN in answer.text


class Away(Sample):
    """GitLab does not answer."""

    def find(self, query: Query, person: Person, after: str = "", limit: int = 24) -> Found:
        raise TryAgain("GitLab does not answer", 30)

    def module(self, project: Any, person: Person, version: str = "") -> ModuleView | None:
        raise TryAgain("GitLab does not answer")


@pytest.mark.parametrize(
    ("address", "seconds"), [("/", "30"), (NOISE, "10"), ("/badges/a/b/state.svg", "10")]
)
def test_nothing_is_shown_while_gitlab_cannot_be_asked(address: str, seconds: str) -> None:
    answer = create_web(Away(), Nobody(), SETTINGS).test_client().get(address)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == seconds
    assert "GitLab does not answer now" in answer.text


class Expired(Sample):
    """GitLab does not accept the person's token."""

    def find(self, query: Query, person: Person, after: str = "", limit: int = 24) -> Found:
        raise NotAccepted("expired")


class Leaving(Nobody):
    """Somebody whose session can be ended."""

    def __init__(self) -> None:
        self.here = True

    def forget(self) -> None:
        self.here = False


def test_a_session_that_gitlab_ended_ends_here_and_the_page_is_asked_for_again() -> None:
    people = Leaving()
    answer = create_web(Expired(), people, SETTINGS).test_client().get("/?q=noise")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?q=noise")
    assert not people.here


def test_a_token_that_gitlab_does_not_accept_is_told_and_not_asked_for_again() -> None:
    client = create_web(Expired(), Nobody(), SETTINGS).test_client()
    answer = client.get("/", headers={"Private-Token": "x"})
    assert answer.status_code == 401
    assert "GitLab does not accept this token" in answer.text


class Broken(Sample):
    """A fault of ours."""

    def progress(self, person: Person) -> Any:
        raise ValueError("canary of the inside")


def test_a_fault_of_ours_tells_nothing_of_the_inside() -> None:
    answer = create_web(Broken(), Nobody(), SETTINGS).test_client().get("/publications")
    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a `b` c", "a <code>b</code> c"),
        ("a ` b", "a ` b"),
        ("`<b>` & `c", "<code>&lt;b&gt;</code> &amp; `c"),
        ("", ""),
    ],
)
def test_what_stands_in_backticks_is_shown_as_code_and_runs_nowhere(text: str, html: str) -> None:
    assert coded(text) == html


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (0, "just now"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86_400, "1 day ago"),
        (40 * 86_400, "1 month ago"),
    ],
)
def test_times_are_told_in_their_largest_unit(past: float, words: str) -> None:
    assert ago(1_000_000.0, 1_000_000.0 + past) == words


def test_a_kept_model_stands_with_its_run_as_it_is_written_into_a_pipeline(
    shelf: Sample, client: FlaskClient
) -> None:
    path, address = "vision/resnet", "https://gitlab.example.com/m.pkl#sha256=<b>00"
    shelf.runs[path] = tuple(replace(run, model=address) for run in shelf.runs[path])
    page = client.get(f"/modules/{path}").get_data(as_text=True)
    assert "job-model: https://gitlab.example.com/m.pkl#sha256=&lt;b&gt;00</code>" in page
