"""Puts the issuer's routes together into one ASGI app.

* Every answer says ``no-store``; every error is JSON.
* An exception nobody expected is logged by type and place, never by its text, which may hold what was sent.
"""

import logging
import traceback
from http import HTTPStatus
from typing import cast

from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rf_middleware.issuer.access import Access
from rf_middleware.issuer.account import Account
from rf_middleware.issuer.answers import HEADERS, Problem, answer
from rf_middleware.issuer.api import KeyRoutes
from rf_middleware.issuer.api_changes import KeyChanges
from rf_middleware.issuer.audit_page import AuditPage
from rf_middleware.issuer.auth_cli import AuthCli
from rf_middleware.issuer.database import meaning
from rf_middleware.issuer.device_pages import DevicePages
from rf_middleware.issuer.feed import Feed
from rf_middleware.issuer.home import Home
from rf_middleware.issuer.introspect import Introspection
from rf_middleware.issuer.invites import Invites
from rf_middleware.issuer.issuing import Issuing
from rf_middleware.issuer.metadata import Metadata
from rf_middleware.issuer.openapi import Description
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.proving import Proving
from rf_middleware.issuer.scraping import Scraping
from rf_middleware.issuer.settings import Settings
from rf_middleware.issuer.settings_changes import SettingsChanges
from rf_middleware.issuer.settings_members import SettingsMembers
from rf_middleware.issuer.settings_secret import SettingsSecret
from rf_middleware.issuer.sign_in import SignIn
from rf_middleware.issuer.sign_in_oidc import SignInOidc
from rf_middleware.issuer.validators_page import ValidatorsPage
from rf_middleware.issuer.visitors import SeeOther, Visitors

__all__ = ["build_app"]

_log = logging.getLogger("rf_middleware.issuer")


def build_app(parts: Parts) -> ASGIApp:
    """Return the issuer as an ASGI app, for a server whose connections can be parked (``parking.py``)."""
    store, revocations = parts.store, parts.revocations
    access = Access(store, revocations, parts.uses, parts.clock)
    visitors = Visitors(store, revocations)
    pages = Pages(visitors)
    app = Starlette(
        routes=[
            *Home(access, parts.lease, visitors, pages).routes(),
            *Introspection(access, revocations, parts.uses, parts.clock).routes(),
            *Feed(access, revocations).routes(),
            *Issuing(parts).routes(),
            *Metadata(store, revocations, parts.lease).routes(),
            *Scraping(parts, access).routes(),
            *Description().routes(),
            *_page_routes(parts, visitors, pages),
            *KeyChanges(access, store, revocations, parts.minting()).routes(),
            *KeyRoutes(access, store, revocations, visitors).routes(),
        ],
        exception_handlers={
            Problem: _refused,
            SeeOther: _elsewhere,
            HTTPException: _no_route,
            OperationalError: _no_database,
            Exception: _unexpected,
        },
    )
    app.state.public_url, app.state.trusted_proxies = parts.public_url, parts.trusted_proxies
    # A redirect would carry the query, and the key in it, into a Location header.
    app.router.redirect_slashes = False
    return _Outermost(app)


def _page_routes(parts: Parts, visitors: Visitors, pages: Pages) -> list[Route]:
    proving = Proving(parts)
    return [
        *pages.routes(),
        *SignIn(parts, visitors, pages, proving).routes(),
        *([] if parts.oidc is None else SignInOidc(parts, parts.oidc, visitors, pages).routes()),
        *Settings(parts, visitors, pages).routes(),
        *SettingsSecret(parts, visitors, pages, proving).routes(),
        *SettingsChanges(parts, visitors, pages).routes(),
        *DevicePages(parts, visitors, pages).routes(),
        *AuthCli(parts, visitors, pages).routes(),
        *SettingsMembers(parts, visitors, pages).routes(),
        *Invites(parts, visitors, pages, proving).routes(),
        *Account(parts, visitors, pages, proving).routes(),
        *ValidatorsPage(parts, visitors, pages).routes(),
        *AuditPage(parts, visitors, pages).routes(),
    ]


class _Outermost:
    """Adds the headers of every answer; ends exceptions here, so that no server logs their texts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the last place before the server
            places = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s in %s\n%s", type(error).__name__, scope["type"], places)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    problem = cast("Problem", error)
    return answer(problem.body, problem.status, problem.headers)


async def _elsewhere(_request: Request, error: Exception) -> RedirectResponse:
    return RedirectResponse(cast("SeeOther", error).location, 303)


async def _no_route(_request: Request, error: Exception) -> JSONResponse:
    plain = cast("HTTPException", error)
    return answer({"error": HTTPStatus(plain.status_code).phrase}, plain.status_code, plain.headers)


async def _no_database(_request: Request, error: Exception) -> JSONResponse:
    wrong = meaning(cast("OperationalError", error))
    _log.error("the database %s", wrong)
    return answer({"error": f"The database {wrong}"}, 503, {"Retry-After": "1"})


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    return answer({"error": "Something went wrong here"}, 500)
