"""Why somebody is not signed in by an OpenID provider: each reason has a name for the log and a sentence to be shown.

Nothing that the provider or the visitor sent is repeated in a sentence.
"""

from enum import Enum

__all__ = ["ProviderDown", "Reason", "SignInFailed", "UnknownKey"]


class Reason(Enum):
    """The reasons."""

    NOT_BEGUN = "This sign-in was not begun here, or it was finished already. Please begin again."
    TOO_LATE = "This sign-in took too long. Please begin again."
    NOT_GRANTED = "The provider did not sign you in."
    OTHER_ISSUER = "The answer comes from another provider than the one that was asked."
    NO_CODE = "The provider's answer is incomplete. Please begin again."
    CODE_REFUSED = "The provider does not accept the code that it gave. Please begin again."
    CLIENT_REFUSED = "The provider does not accept this server. Its administrator has to check the client id."
    UNSIGNED = "The provider's answer is not signed as it should be."
    ALGORITHM = "The provider signs in a way that is not accepted here; RS256, PS256, ES256 and EdDSA are."
    UNKNOWN_KEY = "The provider signed with a key that it does not publish."
    CLAIM = "The provider's answer is not one to this sign-in."
    EXPIRED = "The provider's answer came too late. Please begin again."
    WHEN_UNKNOWN = "The provider does not say when you signed in to it, which is needed here."
    NOT_AGAIN = "The provider did not ask you to sign in again, which is needed here."
    NO_EMAIL = "The provider does not say what your e-mail address is."
    ODD_EMAIL = "Your e-mail address at the provider can't be used here."
    UNVERIFIED_EMAIL = "The provider has not verified your e-mail address."
    OTHER_DOMAIN = "Your e-mail address is not in a domain that may sign in here."
    UNREACHABLE = "The provider can't be reached now. Please try again in a minute."
    UNREADABLE = "The provider's answer can't be understood. Please try again in a minute."
    UNSUITABLE = "The provider can't be used with this server. Its administrator has to check the settings."


class SignInFailed(Exception):  # noqa: N818 - not an error of the program
    """Nobody is signed in; the text is a sentence for the person.

    Attributes:
        reason: the reason.
        detail: what more there is for the log, without any secret.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason.value)
        self.reason, self.detail = reason, detail


class UnknownKey(SignInFailed):
    """An answer is signed with a key that is not among those we have: they may have changed."""

    def __init__(self) -> None:
        super().__init__(Reason.UNKNOWN_KEY)


class ProviderDown(SignInFailed):
    """The provider can't be asked, or answers what can't be used."""
