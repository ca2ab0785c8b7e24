"""The table of layers: who may import whom. ``test_layers.py`` keeps the source to it.

A new file of the package goes into exactly one row of LAYERS. A row says what its files may import at the top
(``may``, ``packages``) and what only lazily, that is inside a function or for type checkers (``lazily``; ``?`` is a
module whose name is computed).
The standard library is free, but ``pure`` rows may not touch what does I/O, waits or reads a clock.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """One row: names of files (``issuer.*`` is all below it), of layers and of packages, separated by blanks."""

    name: str
    files: str
    why: str
    may: str = ""
    packages: str = ""
    lazily: str = ""
    pure: bool = False


LAYERS = [
    Layer(
        name="values",
        files="_models _clock _fingerprint _wire _keyformat _address",
        why="both ends of the protocol share these and nothing else",
        may="values",
        pure=True,
    ),
    Layer(
        name="leaves",
        files="exceptions _query _locations _redact _credentials _challenge _rules _options _values _secret _cache"
        " _memory _turn _limits _breaker _budget _gate _crowd _counts _lease _core _asking _flight _finish"
        " _interned _presented _streams",
        why="decisions are made without I/O, so that they can be simulated and timed",
        may="values leaves",
        packages="cachetools",
        pure=True,
    ),
    Layer(
        name="transport",
        files="_drivers _feed _logger _registry issuers issuers.*",
        why="the only files that talk to an issuer; they decide nothing",
        may="values leaves transport",
        packages="httpx",
    ),
    Layer(
        name="validator",
        files="validator _shared _endings _servers",
        why="the public face of core and transport; knows of no framework",
        may="values leaves transport validator",
    ),
    Layer(
        name="guard",
        files="_guard _inner",
        why="what every adapter does, said once; knows of no framework",
        may="values leaves transport validator guard",
        pure=True,
    ),
    Layer(
        name="redaction",
        files="redaction",
        why="for the logs of others; nothing else of the package logs a key",
        may="leaves",
    ),
    Layer(
        name="instruments",
        files="_instruments",
        why="what is measured, in the words of no monitoring system",
        may="values leaves validator",
    ),
    Layer(
        name="metrics",
        files="metrics",
        why="nobody else needs Prometheus",
        may="instruments",
        packages="prometheus_client",
    ),
    Layer(
        name="otel",
        files="otel",
        why="nobody else needs OpenTelemetry",
        may="instruments",
        packages="opentelemetry",
    ),
    Layer(
        name="asgi_parts",
        files="_asgi _asgi_hit _asgi_streams _asgi_sockets",
        why="what the ASGI adapters share; plain ASGI apps must not load Starlette",
        may="values leaves guard asgi_parts",
        lazily="identity",
    ),
    Layer(
        name="identity",
        files="_identity",
        why="imported only where Starlette is loaded anyway",
        may="values leaves",
        packages="starlette",
    ),
    Layer(
        name="wsgi_parts",
        files="_wsgi _wsgi_hit _wsgi_body _wsgi_answers _wsgi_streams",
        why="what the WSGI adapters share; plain WSGI apps must not load Flask",
        may="values leaves guard wsgi_parts",
    ),
    Layer(
        name="wsgi",
        files="wsgi",
        why="an adapter knows its own protocol and no other adapter",
        may="values leaves transport validator guard wsgi_parts",
    ),
    Layer(
        name="asgi",
        files="asgi",
        why="any ASGI app can use it: no framework, no other adapter",
        may="values leaves transport validator guard asgi_parts",
        lazily="identity",
    ),
    Layer(
        name="flask",
        files="flask",
        why="an adapter knows its own framework and no other adapter",
        may="values leaves transport validator guard wsgi_parts",
        packages="flask werkzeug",
    ),
    Layer(
        name="starlette",
        files="starlette",
        why="an adapter knows its own framework; Starlette apps are ASGI apps",
        may="values leaves transport validator guard asgi_parts asgi identity",
        packages="starlette",
    ),
    Layer(
        name="fastapi",
        files="fastapi",
        why="an adapter knows its own framework; FastAPI apps are Starlette apps",
        may="values leaves transport validator guard asgi_parts starlette",
        packages="fastapi starlette",
    ),
    Layer(
        name="names",
        files="__init__",
        why="the public names and nothing else; importing them must stay cheap",
        may="values leaves transport validator",
        lazily="login",
    ),
    Layer(
        name="login_core",
        files="_login.addresses _login.content _login.device _login.reading _login.stored _login.values",
        why="what a login decides is tried with any sequence of answers and any content of the file",
        may="values leaves login_core",
        pure=True,
    ),
    Layer(
        name="login",
        files="_login _login.*",
        why="a client of the issuer, apart from the validator",
        may="values leaves login_core login",
        packages="httpx",
    ),
    Layer(
        name="terminal",
        files="_terminal",
        why="every command refuses in one way, whichever packages it needs beside click",
        packages="click",
    ),
    Layer(
        name="client_commands",
        files="_commands _commands.*",
        why="the commands that talk to an issuer over HTTP must work without the issuer's packages",
        may="values leaves login_core login terminal client_commands",
        packages="click",
    ),
    Layer(
        name="issuer_core",
        files="issuer.leases issuer.decisions issuer.waiting",
        why="the issuer's half of the protocol is simulated, like the validator's",
        may="values issuer_core",
        pure=True,
    ),
    Layer(
        name="attempts",
        files="issuer.attempts",
        why="who may try when is simulated, with a clock that is passed in",
        may="values",
        pure=True,
    ),
    Layer(
        name="device",
        files="issuer.device",
        why="where the login of a device stands is simulated, with any order of polls and answers",
        may="device",
        pure=True,
    ),
    Layer(
        name="secrets",
        files="issuer.vault issuer.passwords",
        why="what keeps a secret knows no table and no request",
        packages="argon2 cryptography",
    ),
    Layer(
        name="openid_core",
        files="issuer.oidc_failures issuer.oidc_token",
        why="whom a token lets in is decided without I/O",
        may="openid_core",
        packages="authlib joserfc",
        pure=True,
    ),
    Layer(
        name="openid",
        files="issuer.oidc issuer.oidc_client issuer.oidc_kept issuer.oidc_provider issuer.oidc_settings",
        why="signing in elsewhere knows no table, no session and no framework",
        may="values openid_core openid",
        packages="httpx joserfc",
    ),
    Layer(
        name="issuer",
        files="issuer issuer.*",
        why="the issuer shares the values of the protocol with validators, not their code",
        may="values terminal issuer_core attempts device secrets openid_core openid issuer",
        packages="anyio click httpx jinja2 multipart platformdirs prometheus_client python_multipart sqlalchemy"
        " starlette uvicorn",
    ),
    Layer(
        name="command_line",
        files="cli _dumps demo demo.*",
        why="`keys` and `login` must work without the issuer's packages",
        may="values leaves command_line",
        packages="click",
        lazily="transport validator client_commands issuer httpx uvicorn platformdirs ?",
    ),
    Layer(
        name="routes",
        files="_routes",
        why="what a route is and how its parameters are filled is the same for every framework",
        pure=True,
    ),
    Layer(
        name="flask_routes",
        files="_routes_flask",
        why="imported only where Flask is loaded anyway",
        may="routes",
        packages="flask werkzeug",
    ),
    Layer(
        name="starlette_routes",
        files="_routes_starlette",
        why="imported only where Starlette is loaded anyway",
        may="routes",
        packages="starlette",
    ),
    Layer(
        name="probing",
        files="_walk _probe",
        why="the test of an app loads no framework that the app does not, and no test client",
        may="routes",
        lazily="flask_routes starlette_routes",
    ),
    Layer(
        name="testing",
        files="testing",
        why="for tests of other people's apps; nothing shipped for production imports it",
        may="values leaves validator routes probing",
    ),
    Layer(
        name="pytest_plugin",
        files="pytest_plugin",
        why="pytest imports it in every run of everybody who has the package, so it brings nothing along",
        packages="pytest",
        lazily="testing",
    ),
]

IMPURE = (
    "_thread asyncio concurrent fcntl ftplib http imaplib io logging mmap multiprocessing os pathlib queue random sched"
    " secrets select selectors shutil signal smtplib socket socketserver sqlite3 ssl subprocess tempfile threading time"
    " urllib.request"
)

PURE_ENOUGH = {
    "_clock": {"time": "it is the clock"},
    "_turn": {"threading.RLock": "held for a few look-ups"},
    "_flight": {"threading.Lock": "held for a few look-ups", "concurrent.futures.Future": "a value to come, shared"},
    "_streams": {"threading.Lock": "held for a few look-ups", "threading.Event": "set here, waited for elsewhere"},
    "_options": {"os": "reads RF_ variables when an app is built"},
}
