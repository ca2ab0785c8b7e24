"""``rf-middleware demo``: real processes show in half a minute what the package promises.

It uses the package from outside, as a user would: over HTTP and by the command line.
"""

import sys
import time
from contextlib import closing
from importlib.util import find_spec
from typing import Final

from rf_middleware.demo.failed import Failed
from rf_middleware.demo.screen import Screen
from rf_middleware.demo.signals import Signals, Told
from rf_middleware.demo.stage import Scene, Stage
from rf_middleware.demo.story import Story
from rf_middleware.demo.workers import Key

__all__ = ["run"]

_NEEDED: Final = ("flask", "gunicorn", "starlette", "uvicorn", "sqlalchemy", "jinja2", "platformdirs")
_WATCH: Final = 0.5


def run(*, keep: bool) -> int:
    """Show it, and clear up whatever happens.

    Args:
        keep: leave everything running until somebody asks to stop.

    Returns:
        The exit code: 0 only if everything was as told.
    """
    problem = _impossible()
    if problem:
        return _sorry(problem)
    signals = Signals()
    stage = Stage(signals)
    with signals:
        try:
            return _play(stage, Screen(sys.stdout), keep=keep)
        except Failed as failed:
            return _sorry(str(failed))
        except Told as told:
            return 128 + told.number
        finally:
            signals.done()
            stage.strike()


def _impossible() -> str:
    if find_spec("fcntl") is None:
        return "the demo runs on Linux and macOS"
    missing = [name for name in _NEEDED if find_spec(name) is None]
    return f'the demo needs {", ".join(missing)}; pip install "rf-middleware[all]"' if missing else ""


def _sorry(why: str) -> int:
    sys.stderr.write(f"rf-middleware: {' '.join(why.split())}\n")
    return 1


def _play(stage: Stage, screen: Screen, *, keep: bool) -> int:
    start = time.monotonic()
    screen.title("Three workers cache an API key. Once its revocation is acknowledged, none of them accepts it.")
    scene = stage.set_up()
    with closing(Story(scene, screen)) as story:
        story.tell()
        took = time.monotonic() - start
        screen.step(f"As promised: no worker accepted a key after its revocation was acknowledged. ({took:.0f} s)")
        key = story.create("yours")
    if keep:
        _stay(stage, scene, key, screen)
    return 0


def _stay(stage: Stage, scene: Scene, key: Key, screen: Screen) -> None:
    screen.step("All of it runs on until Ctrl-C. Use a key, revoke it, use it again:")
    screen.say(f'curl -H "Authorization: Bearer {key.secret}" {scene.flask_url}/')
    screen.say(f'curl -H "Authorization: Bearer {key.secret}" {scene.starlette_url}/')
    screen.say(f'curl -X DELETE -H "Authorization: Bearer {scene.key}" {scene.issuer_url}/demo/api-keys/{key.id}')
    try:
        while not stage.ended():
            time.sleep(_WATCH)
    except Told:
        return
    message = f"the {stage.ended()} has ended by itself"
    raise Failed(message)
