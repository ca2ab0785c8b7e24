"""The feed and the cache together: after any story, nothing that was revoked is still there.

An input is a story, one byte a step: time passes, keys are asked about, the issuer changes them, answers come late,
twice or not at all. What the validator lets in is compared with what an issuer that keeps a list says.
"""

from dataclasses import dataclass
from typing import Any

from rf_middleware._core import Core
from rf_middleware._fingerprint import fingerprint
from rf_middleware._flight import Answer, Wait
from rf_middleware._lease import DRIFT
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._wire import Event, Poll, Reply
from tests.core.helpers import HandClock, Request, limits

__all__ = ["check"]

KEYS = ("rfk_a", "rfk_b", "rfk_c")
SLUGS = ("acme", "acme", "initech")
LEASE = 8.0


@dataclass
class Asked:
    """A request for a key: what its validator had applied when it arrived, and what the issuer says of it."""

    request: Request
    key: str
    epoch: str | None
    applied: int
    answer: Answer | None = None


class Story:
    """An issuer, the messages under way, and a validator."""

    def __init__(self, core_of: Any) -> None:
        self.clock = HandClock()
        self.core: Core = core_of(limits(ttl=1000.0, timeout=1000.0, burst=10_000), self.clock)
        self.core.learn(has_feed=True)
        self.epoch = 0
        self.events: list[Event] = []
        self.good: dict[str, bool] = dict.fromkeys(KEYS, True)
        self.polls: list[tuple[Poll, float]] = []
        self.replies: list[tuple[Poll, float, Reply]] = []
        self.asked: list[Asked] = []
        self.waiting: list[Asked] = []
        self.gone = False

    @property
    def head(self) -> int:
        return len(self.events)

    def answer(self, key: str) -> Answer:
        """Answer about a key as the issuer does now."""
        grant = Grant(Workspace(SLUGS[KEYS.index(key)]))
        return Answer(grant if self.good[key] else Refusal(Reason.INVALID_KEY), str(self.epoch), self.head)

    def told(self, key: str, head: int, after: int = 0) -> bool:
        """Say whether events up to ``head`` are about a key."""
        digest, slug = fingerprint(key.encode()), SLUGS[KEYS.index(key)]
        return any(event.fingerprint == digest or event.workspace == slug for event in self.events[after:head])

    def change(self, which: int) -> None:
        """Revoke a key, or suspend a workspace; or all is good again, which no feed need tell."""
        if which < 3:
            self.good[KEYS[which]] = False
            self.events.append(Event(self.head + 1, "revoked", fingerprint=fingerprint(KEYS[which].encode())))
        else:
            for key, slug in zip(KEYS, SLUGS, strict=True):
                if slug == "acme":
                    self.good[key] = False
            self.events.append(Event(self.head + 1, "suspended", workspace="acme"))

    def reply(self, poll: Poll, how: int) -> Reply:
        """Answer a poll as the issuer does now, by and by with a reset."""
        follows = poll.epoch == str(self.epoch) and poll.ack <= self.head and how != 0
        events = tuple(self.events[poll.ack :]) if follows else ()
        return Reply(str(self.epoch), not follows, self.head, events, LEASE)


def check(data: bytes, core_of: Any = Core) -> None:
    """Assert that no key is let in on the word of a cache that had been told otherwise."""
    story = Story(core_of)
    for byte in data[:200]:
        _step(story, byte >> 5, byte & 31)
        _holds(story)


def _step(story: Story, what: int, how: int) -> None:
    core, key = story.core, KEYS[how % 3]
    if what == 0 and how < 31:
        story.clock.forward(how / 4)
    elif what == 0:
        core.give_back()
        story.gone = True
    elif what == 1:
        lease = core._lease
        _sort(story, Asked(Request(core, key), key, lease.epoch, lease.applied))
    elif what == 2 and story.asked:  # the issuer reads the key
        one = story.asked[how % len(story.asked)]
        one.answer = one.answer or story.answer(one.key)
    elif what == 3 and story.asked:  # its answer arrives, or never will
        one = story.asked.pop(how % len(story.asked))
        if one.answer is None:
            one.request.cancel()
        else:
            one.request.send(one.answer)
            _sort(story, one)
        _wake(story)
    elif what == 4 and how == 31:  # a backup was restored
        story.epoch += 1
        story.events.clear()
        story.good = dict.fromkeys(KEYS, False)
    elif what == 4:
        story.change(how % 4)
    elif what == 5:
        story.polls.append((core.poll(3.0), story.clock.time))
    elif what == 6 and story.polls:  # the issuer answers a poll
        poll, sent = story.polls[how % len(story.polls)]
        story.replies.append((poll, sent, story.reply(poll, how)))
    elif what == 7 and story.replies:
        _apply(story, *story.replies[how % len(story.replies)])


def _sort(story: Story, one: Asked) -> None:
    """See what a request wants now; one that was let in must not have known better when it arrived."""
    one.answer = None
    if one.request.asks:
        story.asked.append(one)
    elif one.request.waits or one.request.pauses:
        story.waiting.append(one)
    if isinstance(one.request.verdict, Grant) and one.epoch == str(story.epoch):
        assert not story.told(one.key, one.applied), f"{one.key} was let in after it was known to be revoked"


def _wake(story: Story) -> None:
    waiting, story.waiting = story.waiting, []
    for one in waiting:
        effect = one.request.effect
        if one.request.pauses or (isinstance(effect, Wait) and effect.landing.done()):
            one.request.go_on()
        _sort(story, one)


def _apply(story: Story, poll: Poll, sent: float, reply: Reply) -> None:
    before = story.core.deadline
    news = story.core.apply(poll, reply)
    if news is None:
        assert story.core.deadline == before, "an answer that is ignored gives no lease"
        return
    assert not story.gone, "a lease that was given back is taken again"
    assert story.core.deadline == news.deadline
    assert news.deadline <= sent + reply.lease * (1 - DRIFT) + 1e-9, "a lease counts from before the poll was sent"
    for key in KEYS:
        if news.reset or story.told(key, reply.head, poll.ack):
            assert story.core.peek(fingerprint(key.encode())) is None, f"{key} is still there"


def _holds(story: Story) -> None:
    """What is let in now without asking is good by all that the validator was told."""
    lease = story.core._lease
    for key in KEYS:
        known = story.core.peek(fingerprint(key.encode())) is not None
        assert not (known and story.gone), "a lease that was given back still counts"
        if lease.epoch == str(story.epoch):
            assert not (known and story.told(key, lease.applied)), f"{key} is let in"
