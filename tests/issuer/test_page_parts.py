"""The parts that templates are made of: text stays text, what is wrong is tied to its control, times are exact."""

from collections.abc import Callable

import pytest
from markupsafe import Markup

from rf_middleware.issuer.pages import templates
from tests.issuer.browsing import Reader

ENGINE = templates()
EVIL = "<img src=x onerror=alert(1)>\"'&"


def part(name: str) -> Callable[..., str]:
    """Return one of the parts that templates are made of."""
    found: Callable[..., str] = getattr(ENGINE.get_template("_parts.html").module, name)
    return found


def test_each_control_has_a_label_and_says_what_is_wrong() -> None:
    """An error is tied to its control, which is marked, focused, and keeps what was typed."""
    read = Reader(str(part("field")("email", "E-mail", "ada", "email", hint="Like ann@example.com", error="No.")))
    ((_, control),) = [each for each in read.elements if each[0] == "input"]
    assert read.all("label", "for") == [control["id"]]
    assert control["value"] == "ada"
    assert control["aria-invalid"] == "true"
    assert "autofocus" in control
    assert control["aria-describedby"].split() == read.all("p", "id")


def caller() -> Markup:
    """Return what stands inside a part."""
    return Markup("<p>inside</p>")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("hidden", (EVIL,)),
        ("field", (EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)),
        ("area", (EVIL, EVIL, EVIL, EVIL, EVIL)),
        ("choose", (EVIL, EVIL, [(EVIL, EVIL)], EVIL, EVIL, EVIL)),
        ("tick", (EVIL, EVIL, True, EVIL, EVIL)),
        ("button", (EVIL, EVIL, EVIL, EVIL, EVIL)),
        ("act", (EVIL, EVIL, EVIL, {EVIL: EVIL}, EVIL, EVIL, EVIL)),
        ("problem", (EVIL,)),
        ("said", (EVIL,)),
        ("warning", (EVIL,)),
        ("badge", (EVIL, EVIL)),
        ("masked", (EVIL, EVIL)),
        ("copy", (EVIL, EVIL, EVIL, EVIL, True)),
        ("code", (EVIL, EVIL)),
        ("empty", (EVIL, EVIL)),
        ("side", (EVIL, [(EVIL, EVIL, True)])),
        ("tabs", (EVIL, [(EVIL, EVIL, False)])),
        ("table", (EVIL, [EVIL, ""])),
        ("menu", (EVIL,)),
        ("times", ([(1.0, EVIL)], EVIL)),
        ("numbers", ([(EVIL, EVIL, EVIL)],)),
        ("pager", (EVIL, EVIL)),
        ("flash", (EVIL, EVIL)),
        ("confirm", (EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)),
    ],
)
def test_no_part_lets_a_text_become_markup(name: str, args: tuple[object, ...]) -> None:
    """Whatever is handed to a part is shown as text."""
    inside = {"caller": caller} if name in {"table", "menu", "confirm", "flash"} else {}
    made = str(part(name)(*args, **inside))
    assert "<img" not in made
    assert EVIL.split("'", maxsplit=1)[0] not in made
    assert "&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;" in made


def test_an_older_time_falls_out_of_the_chart_with_its_text() -> None:
    """Each bar says its own time, however many there were before."""
    made = str(part("times")([(float(each), f"took {each}") for each in range(60)], "Times"))
    assert made.count("<rect") == made.count("<title>") == 48
    assert "<title>took 12<" in made
    assert "<title>took 59<" in made
    assert "<title>took 11<" not in made
    assert "<title>" not in str(part("times")([], "Times"))


def test_a_page_of_rows_leads_to_the_rows_there_are() -> None:
    """Where there is nothing older, or nothing newer, no link says so."""
    assert str(part("pager")("", "")).strip() == ""
    assert "Newest" not in str(part("pager")("/older", ""))


def test_times_are_exact_for_those_who_look_closer() -> None:
    """A time in words carries the exact one; never has none."""
    assert "never" in str(part("when")(None))
    made = Reader(str(part("when")(1_764_072_000.0)))
    assert made.all("time", "datetime") == made.all("time", "title") == ["2025-11-25T12:00:00Z"]
