"""``rf-middleware``: the command line. A command is imported when it is run: none needs the extras of another."""

import os
import sys
from importlib import import_module
from typing import Final, NamedTuple, cast

from rf_middleware._dumps import no_core_dumps

try:
    import click
except ModuleNotFoundError:
    sys.exit('rf-middleware: the command line is not installed; pip install "rf-middleware[cli]"')

__all__ = ["Commands", "Lazy", "group", "main"]


class Lazy(NamedTuple):
    """Where a command lives, what it does, and the extra it needs."""

    module: str
    name: str
    extra: str
    help: str


_COMMANDS: Final = {
    "audit": Lazy("rf_middleware.issuer.commands_audit", "audit", "issuer", "Check and read the audit log."),
    "demo": Lazy("rf_middleware.cli", "demo", "all", "Show on this machine how a revoked key is refused at once."),
    "identity": Lazy("rf_middleware.issuer.commands_identity", "identity", "issuer", "Unlink accounts of a company."),
    "keys": Lazy("rf_middleware._commands.keys", "keys", "cli", "List, create, change, roll and revoke keys."),
    "login": Lazy("rf_middleware._commands.login", "login", "cli", "Get a key from an issuer, and keep it."),
    "logout": Lazy("rf_middleware._commands.logout", "logout", "cli", "End the key of a login, and forget it."),
    "serve": Lazy("rf_middleware.issuer.commands_serve", "serve_command", "issuer", "Run the issuer."),
    "token": Lazy("rf_middleware.issuer.commands", "token", "issuer", "Add tokens by which apps ask the issuer."),
    "user": Lazy("rf_middleware.issuer.commands_user", "user", "issuer", "Add people, list and disable them."),
    "whoami": Lazy("rf_middleware._commands.login", "whoami", "cli", "Say which key is used and if it is good."),
    "workspace": Lazy("rf_middleware.issuer.commands_workspace", "workspace", "issuer", "Add and end workspaces."),
}


class Commands(click.Group):
    """A group that knows its commands by name and imports one when it is needed."""

    def __init__(self, lazy: dict[str, Lazy], help: str) -> None:  # noqa: A002 - click's word
        super().__init__(help=help)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature of click
        """Return the names."""
        return sorted(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; exit 1 naming the extra where something it needs is not installed."""
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return None
        try:
            return cast("click.Command", getattr(import_module(lazy.module), lazy.name))
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("rf_middleware"):
                raise
            needs = f'rf-middleware: {cmd_name} needs more; pip install "rf-middleware[{lazy.extra}]"'
            click.echo(needs, err=True)
            ctx.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands for ``--help`` without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazy[name].help) for name in self.list_commands(ctx)])


group = Commands(_COMMANDS, "API keys for Python web services: issue, check, revoke at once.")
group = click.version_option(package_name="rf-middleware", message="%(prog)s %(version)s")(group)


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running and print the addresses.")
def demo(*, keep: bool) -> None:
    """Show on this machine how a revoked key is refused at once."""
    sys.exit(import_module("rf_middleware.demo").run(keep=keep))


def main() -> None:
    """Run the command line; where nothing can be printed, one line on stderr says so, and the exit code is 1.

    A reader that has seen enough (``| head -1``) is no error worth a word: click ends quietly.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - it is where the shell closed it
        sys.exit("rf-middleware: standard output is closed, so nothing was done")
    no_core_dumps()
    try:
        group(prog_name="rf-middleware")
    except OSError as error:
        if _prints():
            raise
        said = [f"standard output can't be written: {error.strerror}", *getattr(error, "__notes__", ())]
        sys.exit(f"rf-middleware: {'; '.join(said)}")


def _prints() -> bool:
    """Tell whether standard output takes another line; if not, drop what it holds: the interpreter would try again."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
