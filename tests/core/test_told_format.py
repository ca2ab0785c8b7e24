"""What the issuer says about its keys rules out junk without a question."""

import asyncio

import pytest

from rf_middleware import Denied, Validator
from rf_middleware._fingerprint import fingerprint
from rf_middleware._keyformat import KeyFormat
from rf_middleware.issuer.keys import KEY_FORMAT, KEY_PREFIX, mint
from rf_middleware.issuers._protocol import Offer
from tests.core.scripted import Scripted
from tests.core.servers import until


class Telling(Scripted):
    """An issuer that says what its keys look like."""

    def offered(self) -> Offer:
        """Tell it."""
        return Offer(super().offered().feed, self.format)

    format: KeyFormat | None = KEY_FORMAT


@pytest.mark.parametrize("feed", [True, False])
@pytest.mark.parametrize("on_a_loop", [True, False])
def test_a_key_with_a_wrong_checksum_is_refused_without_a_question(*, feed: bool, on_a_loop: bool) -> None:
    """As soon as the format is known, with a feed or without one, a typing error costs the issuer nothing."""
    issuer, good = Telling(feed), mint(KEY_PREFIX)
    wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
    with Validator(issuer) as validator:
        validator.check("elsewhere-made")
        until(lambda: validator._core._key_format is not None)
        asked = issuer.log.count("check")
        with pytest.raises(Denied) as caught:
            asyncio.run(validator.acheck(wrong)) if on_a_loop else validator.check(wrong)
        assert (caught.value.status, issuer.log.count("check")) == (401, asked)
        assert validator.check(good).workspace.slug == "acme"
        assert validator.check("another-made-elsewhere").workspace.slug == "acme"
        assert issuer.log.count("check") == asked + 2
        issuer.steps.put(None)


def test_a_cached_key_is_good_whatever_is_announced_later() -> None:
    """A grant is the issuer's own word; a format only spares questions."""
    issuer = Telling(False)
    with Validator(issuer) as validator:
        validator.check("rfk_old")
        until(lambda: validator._core._key_format is not None)
        validator.check("other")
        assert validator.peek(fingerprint(b"other")) is not None
        validator._core.learn(has_feed=False, key_format=KeyFormat("other", 20))
        assert validator.check("other").workspace.slug == "acme"


def test_a_forked_child_hears_it_anew() -> None:
    """What was announced belongs to the process that heard it."""
    issuer = Telling(False)
    with Validator(issuer) as validator:
        validator.check("first")
        until(lambda: validator._core._key_format is not None)
        validator._core.start()
        assert validator._core.could_be(b"rfk_junk")
