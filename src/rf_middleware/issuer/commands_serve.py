"""The command ``serve``. Thin: options in, one answer out."""

import logging
import os

import click

from rf_middleware._terminal import Failed
from rf_middleware.issuer.commands import database_option
from rf_middleware.issuer.commands import public_url as checked_url
from rf_middleware.issuer.database import DatabaseProblem, locate
from rf_middleware.issuer.oidc_settings import BadSettings, read_settings
from rf_middleware.issuer.serve import LONGEST_LEASE, SHORTEST_LEASE, CannotListen, Options, serve
from rf_middleware.issuer.serving import DEFAULT_LEASE

__all__ = ["serve_command"]


def _lease(_context: click.Context, _option: click.Parameter, seconds: float) -> float:
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        message = f"the lease is {SHORTEST_LEASE:g} to {LONGEST_LEASE:g} seconds, not {seconds:g}"
        raise click.BadParameter(message)
    return seconds


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 for any free one.")
@click.option(
    "--lease",
    default=DEFAULT_LEASE,
    show_default=True,
    callback=_lease,
    help="Seconds an app may trust its cache after it last heard from here.",
)
@database_option
@click.option("--write-once", is_flag=True, help="Keep hashes only: a key is shown when it is made and never again.")
@click.option(
    "--public-url",
    callback=checked_url,
    help="Where people and clients reach this server, like https://keys.example.com",
)
@click.option(
    "--trusted-proxies",
    default=0,
    show_default=True,
    type=click.IntRange(0, 16),
    help="Through how many proxies, each of which adds to X-Forwarded-For, every request comes.",
)
@click.option("--oidc-issuer", help="Sign people in at this OpenID provider, named as it names itself: https://...")
@click.option("--oidc-client-id", help="Who this server is there; its secret comes from RF_OIDC_CLIENT_SECRET.")
@click.option(
    "--oidc-domain",
    "oidc_domains",
    multiple=True,
    help="Let in everybody with an address of this domain, and nobody else, from there. Can be given many times.",
)
def serve_command(
    *,
    host: str,
    port: int,
    lease: float,
    database: str | None,
    public_url: str | None,
    trusted_proxies: int,
    write_once: bool,
    oidc_issuer: str | None,
    oidc_client_id: str | None,
    oidc_domains: tuple[str, ...],
) -> None:
    """Run the issuer."""
    logging.basicConfig(format="rf-middleware: %(levelname)s %(message)s", level=logging.WARNING)
    try:
        oidc = read_settings(oidc_issuer, oidc_client_id, oidc_domains, public_url or "", os.environ)
        options = Options(
            host=host,
            port=port,
            lease=lease,
            write_once=write_once,
            public_url=public_url,
            trusted_proxies=trusted_proxies,
            oidc=oidc,
        )
        serve(locate(database), options, click.echo)
    except (DatabaseProblem, CannotListen, BadSettings) as problem:
        raise Failed(str(problem)) from None
