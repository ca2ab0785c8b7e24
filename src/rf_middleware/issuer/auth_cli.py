"""``/auth-cli``: a one-time token that is pasted into a program, the way of Roboflow's client.

* The token is in nothing but the answer to the click; it works once, for ten minutes.
* Keys are made when it is exchanged (``issuing.py``).
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.device import LASTS
from rf_middleware.issuer.device_codes import paste_token
from rf_middleware.issuer.login_choice import Choice, LoginPages
from rf_middleware.issuer.visitors import Visitor, by_person

__all__ = ["AuthCli"]

_LONGEST: Final = 100
"""Of a slug that is repeated on the page."""


class AuthCli(LoginPages):
    """The page that makes tokens for pasting."""

    def routes(self) -> Sequence[Route]:
        """Return the routes; the public client asks for the one with the slash too."""
        route = self._pages.route
        return [
            route("GET", "/auth-cli", self.ask),
            route("GET", "/auth-cli/", self.ask),
            route("POST", "/auth-cli", self.make),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask for which workspaces."""
        visitor = await self._visitors.needed(request)
        choice = await self._choice(visitor)
        if not choice.offered:
            return self._nowhere(request, visitor)
        choice = choice.at_first(request.query_params.get("workspace", "")[:_LONGEST])
        return self._again(request, visitor, choice, error=choice.missing)

    async def make(self, request: Request) -> Response:
        """Make a token and show it."""
        form = await self._visitors.form(request)
        visitor = await self._sender(request, f"/auth-cli/?workspace={quote(form['workspace'], safe='')}")
        choice = (await self._choice(visitor)).as_sent(form, form["workspace"])
        if not choice.offered:
            return self._nowhere(request, visitor)
        if not choice.chosen:
            error = "Choose at least one workspace."
            return self._again(request, visitor, choice, error=error, status=422)
        token = paste_token()
        args = (visitor.person, [each.id for each in choice.chosen], by_person(request, visitor.person))
        await self._revocations.write(self._store.offer_paste, fingerprint(token.encode()), *args)
        names = [each.name or each.slug for each in choice.chosen]
        context = {"token": token, "minutes": round(LASTS / 60), "names": names}
        return self._pages.show(request, "auth_cli_token.html", 200, visitor=visitor, **context)

    def _again(self, request: Request, visitor: Visitor, choice: Choice, *, error: str, status: int = 200) -> Response:
        context = {"workspaces": choice.rows, "first": choice.wish, "error": error}
        return self._pages.show(request, "auth_cli.html", status, visitor=visitor, **context)
