"""The story ends with the first claim that is not true, whichever that is."""

import io
from contextlib import closing

import pytest

from rf_middleware.demo import _stay
from rf_middleware.demo.failed import Failed
from rf_middleware.demo.line import Line
from rf_middleware.demo.screen import Screen
from rf_middleware.demo.signals import Signals
from rf_middleware.demo.stage import Stage
from rf_middleware.demo.story import Story
from rf_middleware.demo.workers import Key
from tests.demo.world import World, sleeper


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def told(lie: str = "", stream: io.StringIO | None = None, patience: float = 60.0) -> str:
    """Tell the story in such a world; return what was printed."""
    stream = io.StringIO() if stream is None else stream
    world = World(lie)
    with world.scene() as scene, closing(Story(scene, Screen(stream), enough=0.02, patience=patience)) as story:
        story.tell()
    return stream.getvalue()


@pytest.mark.parametrize("harmless", ["", "news takes a moment", "one follows late"])
def test_a_true_story_is_told_to_its_end(harmless: str) -> None:
    """Where everything is as told, and no later than it may be, each worker is shown accepting and refusing."""
    shown = told(harmless)
    assert shown.count("200   ") == 5
    assert shown.count("401   invalid-key") == 6
    assert "3 workers confirmed" in shown
    assert "after 3.9 s: 2 workers confirmed, 1 lease ran out" in shown
    assert "secret-number" not in shown


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        ("the first revoked key is accepted", r"worker \d+ of the flask app answered 200 to a revoked key"),
        ("the frozen worker accepts", r"worker \d+ of the flask app answered 200 to a revoked key"),
        ("nobody hears of it", r"worker \d+ of the flask app did not hear of the revocation"),
        ("another workspace", r"worker \d+ of the flask app said .*other.*, not .*demo"),
        ("no key is made", r"the issuer answered 403 to creating a key"),
        ("DELETE fails", r"the issuer answered 500 to revoking a key"),
        ("one never follows", r"some worker does not follow the revocations"),
        ("a lease ran out", r"the receipt says 2 confirmed, 1 expired, not 3 confirmed, 0 expired"),
        ("nobody waited", r"the receipt says 3 confirmed, 0 expired, not 2 confirmed, 1 expired"),
        ("DELETE takes too long", r"DELETE took 9\.0 s, more than 4\.5 s"),
        ("one worker takes everything", r"only 1 of 2 workers of the flask app took requests"),
        ("an app hangs up", r"http://127\.0\.0\.1:\d+ hung up or did not answer in time \(RemoteDisconnected\)"),
        ("an app talks nonsense", r"worker None of the starlette app said {}"),
    ],
)
def test_each_lie_is_found_out(lie: str, complaint: str) -> None:
    """Whatever is not as told ends the story with a plain statement of it, which holds no key."""
    with pytest.raises(Failed, match=complaint) as failed:
        told(lie, patience=0.1)  # some of what is waited for never comes
    assert "secret" not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are colours on a terminal, unless it is a dumb one or NO_COLOR is set (no-color.org), and nowhere else."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m200\x1b[0m" in told(stream=Terminal())
    assert "\x1b" not in told()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in told(stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in told(stream=Terminal())


def test_a_kept_demo_says_when_a_server_has_ended() -> None:
    """When a server of a kept demo dies, the demo ends too, and says which it was."""
    stage, screen = Stage(Signals()), Screen(io.StringIO())
    with World().scene() as scene, sleeper("import select; select.select([], [], [], 0.7)") as server:
        stage._children.append(server)
        with pytest.raises(Failed, match="the thing has ended by itself"):
            _stay(stage, scene, Key("rfk_x", "1"), screen)


def test_a_line_is_never_opened_anew() -> None:
    """A request on a connection that was closed fails, since it could reach another process."""
    with World().scene() as scene:
        line = Line(scene.flask_url)
        assert line.ask("/", "a-key").status == 200
        line.close()
        with pytest.raises(Failed, match=r"hung up .*NotConnected"):
            line.ask("/", "a-key")
