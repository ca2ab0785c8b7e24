"""Options: what is refused, what is filled in, what the environment says."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._options import Options, RouteSettings, Settings, ViewSettings, known, split
from rf_middleware._values import flag, from_texts, number, texts
from rf_middleware.exceptions import ConfigurationError

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.text(max_size=5) | st.none() | st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)
NAMES = st.sampled_from(sorted(Settings.__annotations__))


@given(settings=st.dictionaries(NAMES, ANYTHING, max_size=3))
def test_any_options_are_accepted_or_refused_by_name(settings: dict[str, Any]) -> None:
    """Whatever is given, the answer is a set of options or an error that begins with the name of one given."""
    try:
        Options.of(settings)
    except ConfigurationError as error:
        text = str(error)
    else:
        return
    assert text.partition(":")[0] in settings
    assert "\n" not in text


def test_the_defaults_are_those_of_the_table() -> None:
    """Nothing exempt, three locations, no rules, refusals strict, keys stripped, streams closed."""
    options = Options.of({})
    assert not options.exempt
    assert options.reader.header_names == {b"authorization", b"x-api-key"}
    assert options.reader.query_names == {b"api_key"}
    assert options.reader.json_fields == frozenset()
    assert (options.access.workspaces, options.access.scopes) == (None, frozenset())
    assert (options.optional, options.publishable, options.strip, options.close_streams) == (False, False, True, True)
    assert (options.max_body, options.on_denied, options.workspace_header) == (1 << 20, None, None)


def test_a_decorator_inside_asks_for_both() -> None:
    """It inherits where and how keys are read, adds its rules to the outer ones, and is not optional with them."""
    outer = Options.of(
        {
            "locations": ["query:k"],
            "max_body": 5,
            "strip": False,
            "publishable": True,
            "optional": True,
            "exempt": ["/a"],
            "scopes": ["a"],
            "workspaces": ["x", "y"],
        }
    )
    inner = outer.inner({"scopes": ["b"], "workspaces": ["y", "z"]})
    assert inner.reader.query_names == {b"k"}
    assert (inner.max_body, inner.strip, inner.publishable, inner.optional) == (5, False, True, False)
    assert not inner.exempt
    assert (inner.access.scopes, inner.access.workspaces) == (frozenset({"a", "b"}), frozenset({"y"}))
    assert outer.inner({"publishable": False}).access.publishable is False


@pytest.mark.parametrize("kind", [Settings, RouteSettings, ViewSettings])
def test_only_known_options_are_taken(kind: type) -> None:
    """A misspelt option is an error that lists the right ones."""
    known({"scopes": [], "optional": True}, kind)
    with pytest.raises(ConfigurationError, match=r"^scope: no such option; allowed are .*scopes"):
        known({"scope": []}, kind)


def test_options_and_the_validator_s_settings_are_parted() -> None:
    """What a validator is told goes to it, the rest stays."""
    mine, validators = split({"ttl": 5.0, "strip": False}, {"RF_TIMEOUT": "2.5", "RF_MAXSIZE": "10", "RF_EXEMPT": "/a"})
    assert mine == {"strip": False, "exempt": ("/a",)}
    assert validators == {"ttl": 5.0, "timeout": 2.5, "maxsize": 10}


def test_what_is_given_wins_over_the_environment() -> None:
    """Code speaks last, also where it says nothing is wanted."""
    environment = {"RF_SCOPES": "a,b", "RF_OPTIONAL": "true", "RF_WORKSPACES": "x"}
    mine, _ = split({"scopes": [], "workspaces": None}, environment)
    assert mine == {"scopes": (), "workspaces": None, "optional": True}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("EXEMPT", "/a, /b/* ,,", ["/a", "/b/*"]),
        ("LOCATIONS", "bearer", ["bearer"]),
        ("OPTIONAL", "TRUE", True),
        ("OPTIONAL", "1", True),
        ("STRIP", "off", False),
        ("STRIP", "No", False),
        ("MAX_BODY", " 10 ", 10),
        ("TTL", "1.5", 1.5),
        ("AMBIGUOUS", "first", "first"),
        ("WORKSPACE_HEADER", "X-W", "X-W"),
        ("TRUSTED_PROXIES", "1", 1),
        ("MAX_WAITING", "3", 3),
        ("STALE_IF_ERROR", "30", 30.0),
    ],
)
def test_texts_become_values(name: str, text: str, value: object) -> None:
    """A variable is read as what its option is: a list, a yes or no, a number, a text."""
    assert from_texts({f"RF_{name}": text}) == {name.lower(): value}


def test_an_empty_variable_is_none() -> None:
    """What is set to nothing is not set, and other variables are not ours."""
    assert from_texts({"RF_EXEMPT": "", "RF_OPTIONAL": "  ", "RF_ON_DENIED": "x", "EXEMPT": "/a", "RF_URL": "x"}) == {}


def test_a_config_may_hold_real_values() -> None:
    """Flask's config holds lists, numbers and flags as they are."""
    assert from_texts({"RF_EXEMPT": ["/a"], "RF_STRIP": False, "RF_TTL": 5, "RF_SCOPES": None}) == {
        "exempt": ["/a"],
        "strip": False,
        "ttl": 5,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SCOPES", ","),
        ("WORKSPACES", ", ,"),
        ("EXEMPT", ",,"),
        ("LOCATIONS", " , "),
        ("OPTIONAL", "maybe"),
        ("STRIP", "2"),
        ("MAX_BODY", "1.5"),
        ("MAXSIZE", "many"),
        ("TTL", "1s"),
        ("TIMEOUT", "-"),
        ("TRUSTED_PROXIES", "one"),
    ],
)
def test_a_text_that_can_not_be_read_names_its_variable(name: str, text: str) -> None:
    """A wrong variable is an error that says which."""
    with pytest.raises(ConfigurationError, match=f"^RF_{name}: "):
        from_texts({f"RF_{name}": text})


@given(value=st.integers() | st.floats() | st.booleans() | st.text(max_size=3) | st.none(), whole=st.booleans())
def test_a_number_is_finite_and_within_its_bounds(value: object, *, whole: bool) -> None:
    """No flag, text, NaN or infinity passes for a number, and no fraction for a whole one."""
    right = isinstance(value, int) and not isinstance(value, bool)
    right = right or (isinstance(value, float) and math.isfinite(value) and not whole)
    fine = right and isinstance(value, int | float) and value >= 2
    for above in (False, True):
        good = fine and not (above and value == 2)
        try:
            read: object = number({"n": value}, "n", 5, least=2, whole=whole, above=above)
        except ConfigurationError:
            read = "refused"
        assert read == (value if good else "refused")


def test_defaults_stand_in_for_what_is_not_given() -> None:
    """Every reader of values has its default."""
    assert number({}, "n", 5, least=0) == 5
    assert flag({}, "f", default=True) is True
    assert texts({}, "t", ("a",)) == ("a",)


@given(value=ANYTHING)
def test_a_list_of_texts_is_just_that(value: object) -> None:
    """Only an iterable of texts that are not empty is taken, and a text itself is none."""
    try:
        read = texts({"t": value}, "t")
    except ConfigurationError:
        read = ()
    assert not (read and isinstance(value, str | bytes))
    assert all(isinstance(each, str) and each for each in read)
