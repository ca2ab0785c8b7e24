"""Shows pages: templates, the headers that keep them safe, style and script.

* Nothing runs or styles but what this server sends: no inline script, no inline style, no frame (CSP).
* Every text that comes from outside is escaped by the template engine.
* Each page works without the script.
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Final, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rf_middleware.issuer.answers import Problem, not_found
from rf_middleware.issuer.forms import csrf_of
from rf_middleware.issuer.visitors import Visitor, Visitors

__all__ = ["Pages"]

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers send "Origin: null" with a form, even to the server that the page is from.
    "Referrer-Policy": "same-origin",
}
_KINDS: Final = {"style.css": "text/css", "app.js": "text/javascript", "favicon.svg": "image/svg+xml"}
_SIZES: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"))
_A_YEAR: Final = "public, max-age=31536000, immutable"


class Pages:
    """The templates of ``pages/`` and the files of ``pages/static/``."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        folder = files("rf_middleware.issuer") / "pages" / "static"
        self._files = {name: (folder / name).read_bytes() for name in _KINDS}
        self._templates = Environment(
            loader=PackageLoader("rf_middleware.issuer", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["ago"] = _ago
        # In the address, so that a new version is fetched at once and an old one never asked for again.
        versions = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in self._files.items()}
        self._static = {name: f"/static/{version}/{name}" for name, version in versions.items()}

    def routes(self) -> Sequence[Route]:
        """Return the routes of style, script and icon."""
        return [self.route("GET", "/static/{version}/{name}", self.file)]

    def route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        """Return a route for people: what is refused there is said on a page, and no program is told of it."""

        async def answered(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Problem as problem:
                heading, text = HTTPStatus(problem.status).phrase, str(problem)
                text = "There is no such page, or it is not yours." if problem.status == HTTPStatus.NOT_FOUND else text
                return self.show(request, "message.html", problem.status, heading=heading, text=text)

        return Route(path, answered, methods=[method], include_in_schema=False)

    async def file(self, request: Request) -> Response:
        """Send one of the files."""
        name = request.path_params["name"]
        if name not in _KINDS:
            raise not_found()
        return Response(self._files[name], media_type=_KINDS[name], headers={"Cache-Control": _A_YEAR})

    def show(
        self, request: Request, name: str, status: int = 200, *, visitor: Visitor | None = None, **context: object
    ) -> HTMLResponse:
        """Return a page.

        Args:
            request: it is shown in answer to this.
            name: of the template.
            status: of the answer.
            visitor: who is signed in.
            context: what the template needs.
        """
        cookie = self._visitors.cookie(request) or secrets.token_urlsafe(32)
        page = self._templates.get_template(name).render(
            visitor=visitor, csrf=csrf_of(cookie), static=self._static, **context
        )
        answer = HTMLResponse(page, status, _HEADERS)
        if visitor is None and not self._visitors.cookie(request):
            self._visitors.set(request, answer, cookie)
        return answer


def _ago(when: float | None) -> str:
    """Say how long ago something was, given in seconds since 1970."""
    if when is None:
        return "never"
    passed = max(0.0, time.time() - when)
    for size, name in _SIZES:
        if passed >= size:
            count = int(passed // size)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
