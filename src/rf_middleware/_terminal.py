"""How every command says no, and shows what is shown only once."""

import click

__all__ = ["Failed", "show"]


class Failed(click.ClickException):
    """A refusal: one line on stderr, exit 1."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 - the signature of click
        """Print the line."""
        click.echo(f"rf-middleware: {' '.join(self.message.split())}", err=True)


def show(text: str, otherwise: str) -> None:
    """Print what is shown only once; an error of the print says what to do about it."""
    try:
        click.echo(text)
    except OSError as error:
        error.add_note(otherwise)
        raise
