"""Shows pages: templates, the headers that keep them safe, style and script.

* Nothing runs or styles but what this server sends: no inline script, no inline style, no frame (CSP).
* Every text that comes from outside is escaped by the template engine.
* Each page works without the script.
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rf_middleware.issuer.answers import HEADERS, Problem, not_found
from rf_middleware.issuer.chart import chart
from rf_middleware.issuer.forms import csrf_of
from rf_middleware.issuer.rights import NotTheirs
from rf_middleware.issuer.visitors import Visitor, Visitors
from rf_middleware.issuer.wording import ago, date, moment

__all__ = ["Pages", "templates"]

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE: Final = {
    **HEADERS,
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    # Under no-referrer a browser says "Origin: null" with our own forms, and they would look like a forgery.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_KINDS: Final = {"style.css": "text/css", "app.js": "text/javascript", "favicon.svg": "image/svg+xml"}
_ICON: Final = "favicon.svg"
_A_YEAR: Final = "public, max-age=31536000, immutable"
_A_DAY: Final = "public, max-age=86400"


class Pages:
    """The templates of ``pages/`` and the files of ``pages/static/``."""

    def __init__(self, visitors: Visitors, clock: Callable[[], float] = time.time) -> None:
        self._visitors = visitors
        folder = files("rf_middleware.issuer") / "pages" / "static"
        self._files = {name: (folder / name).read_bytes() for name in _KINDS}
        # In the address: a new version is fetched at once, and one that is there is never asked for again.
        self._versions = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in self._files.items()}
        self._static = {name: f"/static/{version}/{name}" for name, version in self._versions.items()}
        engine = templates(clock)
        self._templates = {name: engine.get_template(name) for name in engine.list_templates(extensions=["html"])}

    def routes(self) -> Sequence[Route]:
        """Return the routes of style, script and icon."""
        return [self.route("GET", "/static/{version}/{name}", self.file), self.route("GET", "/favicon.ico", self.icon)]

    def route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        """Return a route for people: what is refused there is said on a page, and no program is told of it."""

        async def answered(request: Request) -> Response:
            try:
                return await endpoint(request)
            except (Problem, NotTheirs) as refused:
                problem = refused if isinstance(refused, Problem) else not_found()
                heading, text = HTTPStatus(problem.status).phrase, str(problem)
                text = "There is no such page, or it is not yours." if problem.status == HTTPStatus.NOT_FOUND else text
                visitor = await self._visitors.visitor(request)
                return self.show(request, "message.html", problem.status, visitor=visitor, heading=heading, text=text)

        return Route(path, answered, methods=[method], include_in_schema=False)

    async def file(self, request: Request) -> Response:
        """Send one of the files."""
        name, version = request.path_params["name"], request.path_params["version"]
        if name not in self._files:
            raise not_found()
        # While servers are replaced, an old one may be asked for the new version: nobody is to keep that answer.
        return self._file(name, _A_YEAR if version == self._versions[name] else "no-cache")

    async def icon(self, _request: Request) -> Response:
        """Send the icon to a browser that guesses its address, as for an answer that is no page."""
        return self._file(_ICON, _A_DAY)

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
        had = self._visitors.cookie(request)
        cookie = had or secrets.token_urlsafe(32)
        csrf = csrf_of(cookie)
        page = self._templates[name].render(visitor=visitor, csrf=csrf, static=self._static, **context)
        answer = HTMLResponse(page, status, _PAGE)
        if not had and csrf in page:  # a page without a form needs no cookie
            self._visitors.set(request, answer, cookie)
        return answer

    def _file(self, name: str, cache: str) -> Response:
        return Response(self._files[name], media_type=_KINDS[name], headers={**HEADERS, "Cache-Control": cache})


@cache
def templates(clock: Callable[[], float] = time.time) -> Environment:
    """Return the engine that fills templates in, one for each clock: it takes a while to read them.

    Args:
        clock: for what is told as "an hour ago".
    """
    engine = Environment(
        loader=PackageLoader("rf_middleware.issuer", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def since(at: float | None) -> str:
        return ago(at, clock())

    filters: dict[str, Callable[..., Any]] = {"ago": since, "chart": chart, "date": date, "moment": moment}
    engine.filters.update(filters)
    return engine
