"""What the login file holds: everything that is not ours is kept, and what is damaged is not touched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._login.content import Content
from rf_middleware._login.values import Login
from rf_middleware._secret import Secret
from tests.login.worlds import ISSUER, KEY, OTHER_KEY

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OURS = {
    "workspaces",
    "RF_WORKSPACE",
    "ROBOFLOW_REGION",
    "ROBOFLOW_CREDENTIALS_REGION",
    "url",
    "name",
    "apiKey",
    "issuer",
}
MORE = st.dictionaries(st.text(max_size=8).filter(lambda name: name not in OURS), JSON, max_size=4)
SLUG = st.sampled_from(["acme", "other", "third"])
ISSUERS = st.sampled_from(["", ISSUER, "https://second.example"])
KEYS = st.sampled_from([KEY, OTHER_KEY, "another-key"])


@st.composite
def entries(draw: st.DrawFn) -> dict[str, object]:
    """A workspace of the file, as some program wrote it."""
    name, key = draw(st.none() | st.text(max_size=5)), draw(st.none() | KEYS)
    return {**draw(MORE), "url": draw(SLUG), "name": name, "apiKey": key, "issuer": draw(st.none() | ISSUERS)}


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A file that is as it should be."""
    workspaces = draw(st.dictionaries(st.text(max_size=5), entries(), max_size=4))
    return {**draw(MORE), "workspaces": workspaces, "RF_WORKSPACE": draw(st.none() | SLUG)}


LOGIN = st.builds(Login, st.text(max_size=5), SLUG, st.text(max_size=5), st.builds(Secret, KEYS), ISSUERS)


def parsed(whole: object) -> Content:
    """Return the content of a file that is as it should be."""
    found = Content.parsed(json.dumps(whole).encode())
    assert isinstance(found, Content), found
    return found


def written(content: Content) -> dict[str, Any]:
    """Return what would be in the file, having read it back."""
    assert isinstance(Content.parsed(content.text()), Content)
    whole: dict[str, Any] = json.loads(content.text())
    return whole


def others(whole: dict[str, Any]) -> dict[str, Any]:
    """Return what of a file is none of our business."""
    return {name: value for name, value in whole.items() if name not in OURS}


def stored(whole: dict[str, Any]) -> list[tuple[str, str]]:
    """Return slug and key of each entry that has a key."""
    return [(each["url"], each["apiKey"]) for each in whole.get("workspaces", {}).values() if each.get("apiKey")]


def a_login(key: str = KEY, issuer: str = ISSUER, name: str = "id-of-acme", slug: str = "acme") -> Login:
    """Return a login."""
    return Login(name, slug, "Acme", Secret(key), issuer)


@given(files(), st.lists(LOGIN, max_size=3), SLUG, st.sampled_from(["", "us", "eu"]))
def test_new_keys_leave_everything_else_alone(
    whole: dict[str, Any], logins: list[Login], default: str, region: str
) -> None:
    """Whatever else is in the file stays, each new key is there, and only one of the same place and issuer goes."""
    now = written(parsed(whole).with_logins(logins, default, region))
    assert others(now) == others(whole)
    assert now["RF_WORKSPACE"] == default
    assert now.get("ROBOFLOW_CREDENTIALS_REGION", "") == region
    for login in logins[-1:]:
        last = list(now["workspaces"].values())[-1]
        assert (last["url"], last["apiKey"], last["issuer"]) == (login.slug, login.key.reveal(), login.issuer)
    for name, entry in whole["workspaces"].items():
        if name not in {each.id for each in logins}:
            assert now["workspaces"][name] == entry
        else:
            assert others(now["workspaces"][name]) == others(entry)


@given(files(), KEYS)
def test_a_key_that_is_dropped_takes_nothing_else_along(whole: dict[str, Any], key: str) -> None:
    """All entries with this key go, no other, and the default never names a workspace that is not there."""
    now = written(parsed(whole).without(Secret(key)))
    assert others(now) == others(whole)
    assert now["workspaces"] == {name: each for name, each in whole["workspaces"].items() if each["apiKey"] != key}
    left = {each["url"] for each in now["workspaces"].values()}
    assert now.get("RF_WORKSPACE") in {*left, None}
    if whole["RF_WORKSPACE"] in left:
        assert now["RF_WORKSPACE"] == whole["RF_WORKSPACE"]
    elif len(left) == 1:
        assert now["RF_WORKSPACE"] in left
    else:
        assert "RF_WORKSPACE" not in now


@given(files(), KEYS)
def test_a_rolled_key_takes_the_place_of_the_old(whole: dict[str, Any], key: str) -> None:
    """Only the key itself is another."""
    now = written(parsed(whole).with_key(Secret(key), Secret("the-new-key")))
    for each in whole["workspaces"].values():
        each["apiKey"] = "the-new-key" if each["apiKey"] == key else each["apiKey"]
    assert now == whole


@given(files())
def test_keys_are_read_with_their_places(whole: dict[str, Any]) -> None:
    """Entries without a key are nobody's login, and are kept."""
    content = parsed(whole)
    assert [(each.slug, each.key.reveal()) for each in content.logins()] == stored(whole)
    assert content.default == (whole["RF_WORKSPACE"] or "")
    assert written(content) == whole


def test_the_newest_key_of_a_workspace_counts() -> None:
    """It goes last, where Roboflow's client looks when two entries have one slug."""
    content = parsed({"workspaces": {"acme": {"url": "acme", "name": "Acme", "apiKey": "old"}}})
    now = content.with_logins([a_login("second", name="x", slug="x"), a_login()], "acme", "")
    assert stored(written(now)) == [("acme", "old"), ("x", "second"), ("acme", KEY)]
    again = now.with_logins([a_login(OTHER_KEY)], "acme", "")
    assert stored(written(again)) == [("acme", "old"), ("x", "second"), ("acme", OTHER_KEY)]


def test_two_issuers_may_call_two_workspaces_the_same() -> None:
    """A key of one never takes the place of the other's."""
    content = Content().with_logins([a_login()], "acme", "")
    second = a_login(OTHER_KEY, "https://second.example")
    both = content.with_logins([second], "", "").with_logins([second], "", "")
    assert stored(written(both)) == [("acme", KEY), ("acme", OTHER_KEY)]
    assert {each.issuer for each in both.logins()} == {ISSUER, "https://second.example"}


@given(st.binary(max_size=60) | JSON.map(lambda whole: json.dumps(whole).encode()))
def test_any_bytes_are_a_content_or_a_problem(text: bytes) -> None:
    """Reading never fails in any other way, and what is read can be written."""
    found = Content.parsed(text)
    if isinstance(found, Content):
        assert json.loads(found.text()) == json.loads(text)
    else:
        assert found.startswith(("is ", "has "))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b'{"a": 1} {}', "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a": NaN}', "is not JSON"),
        (b'{"a": 1e999}', "is not JSON"),
        (b'{"a": 1, "a": 2}', "is not JSON"),
        (b'{"workspaces": {"a": {"url": "x", "apiKey": "secret"}, "a": {"url": "y"}}}', "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b'"secret"', "is not a JSON object"),
        (b'{"workspaces": []}', "has something else than an object as workspaces"),
        (b'{"workspaces": null}', "has something else than an object as workspaces"),
        (b'{"workspaces": {"secret": 5}}', "has a workspace without its url"),
        (b'{"workspaces": {"a": {"apiKey": "secret"}}}', "has a workspace without its url"),
        (b'{"workspaces": {"a": {"url": 5}}}', "has a workspace without its url"),
        (
            b'{"workspaces": {"a": {"url": "x", "apiKey": ["secret"]}}}',
            "has a workspace whose name, apiKey or issuer is not a text",
        ),
        (
            b'{"workspaces": {"a": {"url": "x", "issuer": 5}}}',
            "has a workspace whose name, apiKey or issuer is not a text",
        ),
        (b'{"RF_WORKSPACE": {"secret": 1}}', "has something else than a text as RF_WORKSPACE"),
        (b'{"ROBOFLOW_REGION": 5}', "has something else than a text as ROBOFLOW_REGION"),
    ],
)
def test_a_damaged_file_is_said_to_be_that(text: bytes, problem: str) -> None:
    """Each kind of damage has its words, which hold nothing of the file."""
    assert Content.parsed(text) == problem


def test_no_repr_shows_the_content() -> None:
    """A traceback with locals shows no key."""
    content = Content().with_logins([a_login()], "acme", "us")
    assert KEY in content.text().decode()
    assert KEY not in repr(content) + repr(content.logins())
    assert content.logins()[0].workspace.slug == "acme"
