"""Mounts, sub-applications, files and redirects: a rule speaks of the path below whoever it was given to."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.shared_data import SharedDataMiddleware

from rf_middleware import CallableIssuer, Validator, asgi, wsgi
from tests.contract.apps import asgi_echo, wsgi_echo
from tests.contract.issuing import Keys, bearer
from tests.harness import Answer, Request, call_asgi, call_wsgi

Build = Callable[..., Any]


@pytest.fixture
def validator() -> Iterator[Validator]:
    """Return a validator."""
    with Validator(CallableIssuer(Keys())) as one:
        yield one


def in_starlette(place: str, app: Any) -> Any:
    """Mount an app in a Starlette app."""
    return Starlette(routes=[Mount(place, app)])


def in_fastapi(place: str, app: Any) -> Any:
    """Mount an app in a FastAPI app."""
    outer = FastAPI(openapi_url=None)
    outer.mount(place, app)
    return outer


def in_router(place: str, app: Any) -> Any:
    """Mount an app in a router, below another mount."""
    first, _, rest = place.removeprefix("/").partition("/")
    return Router([Mount(f"/{first}", Router([Mount(f"/{rest}" if rest else "", app)]))])


def in_dispatcher(place: str, app: Any) -> Any:
    """Mount an app as WSGI does it: ``SCRIPT_NAME`` grows, ``PATH_INFO`` shrinks."""
    return DispatcherMiddleware(NotFound(), {place: app})


def in_flask(place: str, app: Any) -> Any:
    """Mount an app beside a Flask app."""
    outer = Flask("outer", static_folder=None)
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {place: app})  # type: ignore[method-assign] # Flask's documented way
    return outer


MOUNTS: dict[str, tuple[Build, bool]] = {
    "starlette": (in_starlette, False),
    "fastapi": (in_fastapi, False),
    "router": (in_router, False),
    "dispatcher": (in_dispatcher, True),
    "flask": (in_flask, True),
}

each_mount = pytest.mark.parametrize("name", MOUNTS)


def guarded(name: str, app: Any, **options: Any) -> Any:
    """Put the middleware around an app that is mounted by this means."""
    return (wsgi if MOUNTS[name][1] else asgi).APIKeyMiddleware(app, **options)


def echo(name: str) -> Any:
    """Return the app that is mounted."""
    return wsgi_echo() if MOUNTS[name][1] else asgi_echo()


def get(name: str, app: Any, target: str, *headers: tuple[str, str], root: str = "") -> Answer:
    """Send a request."""
    return (call_wsgi if MOUNTS[name][1] else call_asgi)(app, Request("GET", target, headers, root_path=root))


@each_mount
@pytest.mark.parametrize("root", ["", "/behind/a/proxy", "/v1", "/v1/sub"])
@pytest.mark.parametrize("place", ["/sub", "/v1/sub"])
def test_rules_of_a_mounted_app_are_about_the_path_below_the_mount(
    name: str, root: str, place: str, validator: Validator
) -> None:
    """Wherever it is mounted, once or twice, and below whatever root, a rule opens what the app itself calls so."""
    inner = guarded(name, echo(name), validator=validator, exempt=["/healthz", "/public/*"])
    app = MOUNTS[name][0](place, inner)
    for target in ("/healthz", "/public/a"):
        assert get(name, app, place + target, root=root).status == 200, target
    for target in (
        "/admin",
        "/healthz/",
        "/sub/healthz",
        "/public",
        "/public/../admin",
        "/x/healthz",
        "/public/%2e%2e/x",
    ):
        assert get(name, app, place + target, root=root).verdict == (401, "missing-key"), target
        assert get(name, app, place + target, bearer(), root=root).status == 200, target


@each_mount
def test_rules_of_the_outer_app_are_about_the_whole_path(name: str, validator: Validator) -> None:
    """A path of a mounted app is exempt when the outer rule names all of it, mount included."""
    app = guarded(name, MOUNTS[name][0]("/sub", echo(name)), validator=validator, exempt=["/healthz", "/sub/open"])
    assert get(name, app, "/sub/open").status == 200
    for target in ("/sub/healthz", "/sub/sub/open", "/sub", "/sub/", "/open", "/nowhere", "/subopen"):
        assert get(name, app, target).verdict == (401, "missing-key"), target


@each_mount
def test_both_have_to_let_a_request_in(name: str, validator: Validator) -> None:
    """What is exempt outside needs a key inside, and what is exempt inside needs one outside."""
    inner = guarded(name, echo(name), validator=validator, exempt=["/inside", "/both"])
    app = guarded(name, MOUNTS[name][0]("/sub", inner), validator=validator, exempt=["/sub/outside", "/sub/both"])
    assert [get(name, app, f"/sub/{path}").status for path in ("inside", "outside", "both", "none")] == [
        401,
        401,
        200,
        401,
    ]
    for path in ("inside", "outside", "none"):
        assert get(name, app, f"/sub/{path}", bearer()).status == 200


@each_mount
def test_a_header_moves_no_mount(name: str, validator: Validator) -> None:
    """Nothing that a client says about prefixes and roots changes what is compared."""
    inner = guarded(name, echo(name), validator=validator, exempt=["/healthz"])
    app = MOUNTS[name][0]("/sub", inner)
    headers = [
        *(("X-Forwarded-Prefix", "/sub/admin"), ("X-Script-Name", "/sub/admin"), ("SCRIPT_NAME", "/sub/admin")),
        *(("Root-Path", "/sub/admin"), ("X-Original-URL", "/sub/healthz"), ("Host", "app.example/sub/healthz?")),
    ]
    for target in ("/sub/admin", "/sub/admin/healthz"):
        assert get(name, app, target, *headers).verdict == (401, "missing-key")


SECRET = "the secret of the folder above"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of files beside one that is nobody's business."""
    (tmp_path / "secret.txt").write_text(SECRET)
    (files := tmp_path / "files").mkdir()
    (files / "app.js").write_text("public")
    return files


def files_of(name: str, folder: Path) -> Any:
    """Return an app that serves the files of a folder below ``/static``."""
    if MOUNTS[name][1]:
        return SharedDataMiddleware(wsgi_echo(), {"/static": str(folder)})
    return Starlette(routes=[Mount("/static", StaticFiles(directory=folder))])


@each_mount
@pytest.mark.parametrize(
    "target",
    [
        *("/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2fsecret.txt", "/static/.%2e/secret.txt"),
        *("/static//secret.txt", "/static/..;/secret.txt", "/static/..\\secret.txt", "/static/..%5csecret.txt"),
        *("/static/%252e%252e/secret.txt", "/static/app.js%00", "/static/./app.js", "/static/x/../app.js", "/static"),
        *(
            "/static%2fapp.js",
            "//static/app.js",
            "/STATIC/app.js",
            "/staticx/app.js",
            "/static/%c0%ae%c0%ae/secret.txt",
        ),
    ],
)
def test_an_open_folder_opens_nothing_beside_it(name: str, target: str, folder: Path, validator: Validator) -> None:
    """Files below an exempt prefix are open; what climbs out of it, or may, needs a key."""
    app = guarded(name, files_of(name, folder), validator=validator, exempt=["/static/*"])
    assert get(name, app, "/static/app.js").body == b"public"
    answer = get(name, app, target)
    assert answer.verdict == (401, "missing-key")
    assert SECRET.encode() not in answer.body


@each_mount
def test_nobody_learns_which_files_are_there(name: str, folder: Path, validator: Validator) -> None:
    """Without a key the answer for a file and for none is the same, byte for byte."""
    app = guarded(name, files_of(name, folder), validator=validator)
    there, missing = (get(name, app, f"/static/{file}") for file in ("app.js", "nothing.js"))
    assert there.verdict == (401, "missing-key")
    assert (there.headers, there.body) == (missing.headers, missing.body)


def redirecting() -> Sequence[tuple[Callable[..., Answer], Any]]:
    """Return apps that redirect to a path with a slash, or without one, and how each is called."""

    def plain(*_: Any) -> Any:
        return PlainTextResponse("in")

    flask = Flask("redirecting", static_folder=None)
    flask.add_url_rule("/docs/", view_func=lambda: "in")
    routes = [Route("/docs", plain), Route("/guide/", plain)]
    fastapi = FastAPI()
    fastapi.add_api_route("/docs/", plain)
    return [(call_wsgi, flask), (call_asgi, Starlette(routes=routes)), (call_asgi, fastapi)]


def test_no_redirect_tells_which_routes_are_there(validator: Validator) -> None:
    """A key is asked for before a route is looked up, and an exempt path is not its neighbour with a slash."""
    for call, app in redirecting():
        middleware = wsgi if call is call_wsgi else asgi
        for exempt in ([], ["/open"]):
            served = middleware.APIKeyMiddleware(app, validator=validator, exempt=exempt)
            for target in ("/docs", "/docs/", "/guide", "/guide/", "/nothing", "//docs", "/docs//"):
                assert call(served, Request("GET", target)).verdict == (401, "missing-key"), target
        served = middleware.APIKeyMiddleware(app, validator=validator, exempt=["/docs"])
        assert call(served, Request("GET", "/docs")).status in {200, 307, 308}
        assert call(served, Request("GET", "/docs/")).verdict == (401, "missing-key")


@pytest.mark.parametrize(("root", "below"), [("/api", 200), ("/api/", 401), ("", 401), ("/", 401)])
def test_a_root_that_the_path_need_not_begin_with_is_cut_off_as_the_framework_does(
    root: str, below: int, validator: Validator
) -> None:
    """Where the server tells a root and leaves it out of the path, a rule means what Starlette and FastAPI route."""
    app = FastAPI()
    app.add_api_route("/infer", lambda: "in")
    app.add_middleware(asgi.APIKeyMiddleware, validator=validator, exempt=["/docs", "/openapi.json"])

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": root}, receive, send)

    for target in ("/docs", "/openapi.json"):
        assert call_asgi(served, Request("GET", target)).status == 200
        assert call_asgi(served, Request("GET", f"/api{target}")).status == below
    for target in (
        "/infer",
        "/docs/infer",
        "/redoc",
        "/docs/oauth2-redirect",
        "/api/infer",
        "/apidocs",
        "/api/api/docs",
    ):
        assert call_asgi(served, Request("GET", target)).verdict == (401, "missing-key"), target


def test_an_app_that_is_called_by_another_is_guarded_too(validator: Validator) -> None:
    """An app in front that changes the path decides what is routed, and that is what is compared."""

    def rewriting(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ["PATH_INFO"].replace("/old/", "/")
        return guard(environ, start_response)

    guard = wsgi.APIKeyMiddleware(wsgi_echo(), validator=validator, exempt=["/healthz"])
    assert call_wsgi(rewriting, Request("GET", "/old/healthz")).status == 200
    assert call_wsgi(rewriting, Request("GET", "/old/admin")).verdict == (401, "missing-key")
    assert call_wsgi(rewriting, Request("GET", "/old/healthz/")).verdict == (401, "missing-key")
