"""Why somebody whom the OpenID provider knows is not let in here: each reason is a sentence for the person."""

from enum import Enum

__all__ = ["NotAdmitted", "Refusal"]


class Refusal(Enum):
    """The reasons."""

    UNKNOWN = "There is no account here for {email}. Ask an administrator to add you."
    NO_ADMINISTRATOR = (
        "This server has no administrator yet. The first one signs up by the link that the server prints at its start."
    )
    DISABLED = "The account of {email} is disabled here. Ask an administrator."
    OTHER_SUBJECT = "The account of {email} here belongs to another account at the provider. Ask an administrator."
    OTHER_PERSON = "You signed in at the provider as {email}. That is not who is signed in here."


class NotAdmitted(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody is not let in; the text is a sentence for the person.

    Attributes:
        refusal: the reason.
        email: the address that the provider named.
    """

    def __init__(self, refusal: Refusal, email: str) -> None:
        super().__init__(refusal.value.format(email=email))
        self.refusal, self.email = refusal, email
