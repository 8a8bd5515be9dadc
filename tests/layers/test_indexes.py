"""Passwords of package indexes come from offered variables alone, go where they are meant, and are never shown."""

from __future__ import annotations

import base64
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.layers.addresses import Account, BadAddress, account_for, read_address
from bot.layers.indexes import Indexes, plan_indexes
from bot.layers.lock_key import ResolveInputs, lock_key
from bot.logs import redactor
from parser.model import Requirements
from tests.layers.test_lock import ENVIRONMENT

GITLAB = {"CI_SERVER_HOST": "gitlab.example", "CI_JOB_TOKEN": "the-job's-token", "CI_PROJECT_ID": "7"}

_passwords = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=8, max_size=20)


def requirements(*options: str) -> Requirements:
    return Requirements("pip", "requirements.txt", (), options=options)


@given(_passwords)
def test_any_password_arrives_as_it_is_and_leaves_no_trace(password: str) -> None:
    option = "--index-url https://me:${MLREEF_INDEX_PASSWORD}@packages.example/simple"
    indexes, problems = plan_indexes(requirements(option), {"MLREEF_INDEX_PASSWORD": password})
    other, _ = plan_indexes(requirements(option), {"MLREEF_INDEX_PASSWORD": "~"})
    # A word that stands there anyway tells nothing.
    assume(not any(word in f"{other} [redacted] error: says no to" for word in (password, unquote(password))))
    assert problems == ()
    assert indexes.default == "https://packages.example/simple"
    (account,) = indexes.accounts
    # As pip has it, a value may be percent-encoded already.
    assert account.password in (password, unquote(password))
    parts = urlsplit(indexes.with_account(indexes.default))
    assert unquote(parts.password or "") == account.password
    assert parts.hostname == "packages.example"
    assert account.password not in repr(indexes)
    shown = redactor(indexes.secrets)(
        f"error: {indexes.with_account(indexes.default)} says no to {account.password}"
    )
    forms = [
        account.password,
        quote(account.password, safe=""),
        base64.b64encode(account.password.encode()).decode(),
    ]
    assert not any(form in shown for form in forms)


@given(_passwords, _passwords)
def test_the_key_of_a_lock_does_not_know_any_password(one: str, other: str) -> None:
    option = "--index-url https://me:${MLREEF_INDEX_PASSWORD}@packages.example/simple"
    inputs = ResolveInputs(requirements(option), ENVIRONMENT, "linux/amd64")
    key = lock_key(inputs)
    for password in (one, other):
        plan_indexes(requirements(option), {"MLREEF_INDEX_PASSWORD": password})
        assert lock_key(inputs) == key


def test_the_jobs_own_token_goes_to_its_gitlab_only() -> None:
    address = (
        "https://gitlab-ci-token:${CI_JOB_TOKEN}@%s/api/v4/projects/${CI_PROJECT_ID}/packages/pypi/simple"
    )
    url, account = read_address(address % "${CI_SERVER_HOST}", GITLAB)
    assert url == "https://gitlab.example/api/v4/projects/7/packages/pypi/simple"
    assert account is not None
    assert (account.username, account.password) == ("gitlab-ci-token", "the-job's-token")
    for host in ("gitlab.example.evil", "evil.example", "gitlab.example@evil.example"):
        with pytest.raises(BadAddress):
            read_address(address % host, GITLAB)
    with pytest.raises(BadAddress, match="in clear"):
        read_address((address % "gitlab.example").replace("https:", "http:"), GITLAB, {"gitlab.example"})


@given(
    st.sampled_from(["CI_REGISTRY_PASSWORD", "HOME", "PATH", "SECRET", "XMLREEF_INDEX_A", "MLREEF_BUILDER"])
)
def test_other_variables_stay_closed(name: str) -> None:
    with pytest.raises(BadAddress, match=f"{name} is not offered"):
        read_address(f"https://x:${{{name}}}@packages.example/", {name: "value"})


@given(st.text(max_size=60), st.dictionaries(st.just("MLREEF_INDEX_X"), st.text(max_size=20)))
def test_whatever_stands_there_an_address_is_plain_https_or_refused(
    text: str, variables: dict[str, str]
) -> None:
    try:
        url, account = read_address(text, variables)
    except BadAddress:
        return
    parts = urlsplit(url)
    assert (
        parts.scheme == "https" or parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    )
    assert "@" not in parts.netloc
    assert all("!" <= char <= "~" for char in url)
    assert account is None or account.url == url


def test_who_names_no_index_gets_the_operators() -> None:
    assert plan_indexes(None, {})[0] == Indexes()
    mirror = {"PIP_INDEX_URL": "https://user:pass-word@mirror.example/simple"}
    indexes, _ = plan_indexes(requirements(), mirror)
    assert (indexes.default, indexes.mirrored) == ("https://mirror.example/simple", True)
    assert indexes.accounts[0].password == "pass-word"
    assert (
        plan_indexes(requirements(), mirror, "https://own.example/simple")[0].default
        == "https://own.example/simple"
    )
    own = plan_indexes(requirements("--index-url https://author.example/simple"), mirror)[0]
    assert (own.default, own.mirrored) == ("https://author.example/simple", False)
    assert plan_indexes(requirements("--no-index"), mirror)[0].default is None


def test_links_are_pages_and_folders_of_nobodys_machine_are_left_out() -> None:
    options = (
        "--find-links ./wheels",
        "--find-links https://links.example/page.html",
        "--no-binary Foo_Bar,:none:,baz",
    )
    indexes, problems = plan_indexes(requirements(*options), {})
    assert (indexes.links, problems) == (("https://links.example/page.html",), ())
    assert indexes.no_binary == {"baz"}


def test_an_account_is_for_its_own_origin() -> None:
    account = Account("https://packages.example/simple", "me", "word")
    assert account_for([account], "https://packages.example:443/files/x.whl") is account
    for other in (
        "http://packages.example/",
        "https://packages.example:8443/",
        "https://packages.example.evil/",
    ):
        assert account_for([account], other) is None


def test_a_token_in_the_place_of_a_name_is_a_secret_too() -> None:
    option = "--index-url https://${MLREEF_INDEX_TOKEN}@packages.example/simple"
    indexes, _ = plan_indexes(requirements(option), {"MLREEF_INDEX_TOKEN": "token-of-eighteen"})
    assert indexes.secrets == ("token-of-eighteen",)
    assert indexes.default == "https://packages.example/simple"


@pytest.mark.parametrize(
    "address",
    [
        "https://packages.example/${NAME}/simple",
        "https://packages.example/simple?token=${NAME}",
        "https://${NAME}.packages.example/simple",
        "https://user:${NAME}@${NAME}/simple",
        "https://user@packages.example/${NAME}@x/",
        "${NAME}://packages.example/",
        "${NAME}",
    ],
)
@pytest.mark.parametrize("name", ["MLREEF_INDEX_TOKEN", "CI_JOB_TOKEN"])
def test_who_one_is_never_stands_in_what_is_kept_of_an_address(address: str, name: str) -> None:
    """Path, query and host are in the lock of every image, and in what is told when something is wrong."""
    variables = {name: "Value-Of-It", "CI_SERVER_HOST": "packages.example"}
    with pytest.raises(BadAddress, match=f"the variable {name} stands in the address itself") as refused:
        read_address(address.replace("NAME", name), variables)
    assert "value-of-it" not in f"{refused.value} {refused.value.mend}".lower()


def test_the_jobs_token_is_for_gitlabs_own_port() -> None:
    variables = {"CI_JOB_TOKEN": "t", "CI_SERVER_HOST": "Gitlab.example", "CI_SERVER_PORT": "443"}
    assert read_address("https://x:${CI_JOB_TOKEN}@gitlab.example/api", variables)[1] is not None
    assert read_address("https://x:${CI_JOB_TOKEN}@gitlab.example:443/api", variables)[1] is not None
    with pytest.raises(BadAddress, match=r"CI_JOB_TOKEN would be sent to gitlab\.example"):
        read_address("https://x:${CI_JOB_TOKEN}@gitlab.example:8443/api", variables)
