"""Paths and methods: which requests need no key, however they are written."""

from tests.contract.test_exempt import EXEMPT as OPEN
from tests.contract.test_exempt import HEADERS, PROTECTED
from tests.real.raw import GOOD, WEBSOCKET, Case, request

__all__ = ["PATHS"]

KEY = f"X-API-Key: {GOOD}"

NEEDLESS = [each for each in OPEN if not each.startswith("/static")]

ODD_TARGETS = [
    "healthz",
    "public/a",
    "*",
    "?",
    "?/healthz",
    "#/healthz",
    "/admin#/healthz",
    "//app.example/healthz",
    "///app.example/healthz",
    "//healthz",
    "/\\healthz",
    "\\healthz",
    "/healthz\\",
    "/public/..\\..\\admin",
    "/public/a/../../healthz",
    "/healthz;jsessionid=1",
    "/healthz;",
    ";/healthz",
    "/;/healthz",
    "/public;x=y/a",
    "/public/a;x=y",
    "/healthz%3b",
    "/healthz%00",
    "/%00/healthz",
    "/healthz%0a",
    "/healthz%0d%0aX-A:b",
    "/healthz%20HTTP/1.1",
    "/healthz%",
    "/healthz%2",
    "/healthz%zz",
    "/public/%",
    "/public/%2",
    "/public/%zz",
    "/public/%u002e%u002e/admin",
    "/public/%c0%ae%c0%ae/admin",
    "/public/%c0%af../admin",
    "/public/%e0%80%ae%e0%80%ae/admin",
    "/public/%ff",
    "/public/a%",
    "/public/%ef%bf%bd",
    "/public/%2e%2e%2fadmin",
    "/public/.%2e/admin",
    "/public/%2e/admin",
    "/public/..",
    "/public/../",
    "/public/.../../admin",
    "/public/..%00/admin",
    "/public/..%3b/admin",
    "/public/%2f%2e%2e",
    "/public/%5c%2e%2e",
    "/public/%252e%252e/admin",
    "/public/%25252e",
    "/%2fhealthz",
    "/%2Fpublic/a",
    "/public%2fa",
    "/public%5ca",
    "/..",
    "/.",
    "/./",
    "/../",
    "/.//",
    "/../healthz",
    "/healthz/.",
    "/healthz/..",
    "/admin/..;/healthz",
    "/HEALTHZ",
    "/PUBLIC/a",
    "/hEaLtHz",
    "/healthz.",
    "/healthz.json",
    "/healthz,",
    "/healthz:",
    "/healthz:80",
    "/healthz@admin",
    "/healthz&a=b",
    "/healthz%26a=b",
    "/healthz+",
    "/d\xf6cs",
    "/d%f6cs",
    "/do%cc%88cs",
    "/D%C3%96CS",
    "http:/healthz",
    "http:healthz",
    "x:/healthz",
    "http:///healthz",
    "http://app.example",
    "http://app.example?/healthz",
    "http://app.example#/healthz",
    "http://app.example/admin?/healthz",
    "http://app.example/admin#/healthz",
    "http://app.example/healthz/../admin",
    "http://app.example//healthz",
    "http://app.example/%2e/healthz",
    "http://app.example:99999/healthz",
    "http://[/healthz",
    "http://u:p@app.example/admin",
    "https://app.example/admin",
    "ftp://app.example/admin",
    "app.example:443",
    "/admin HTTP/1.1 /healthz",
    "/admin /healthz",
    "",
    "\t/healthz",
    "/heal\tthz",
    "/healthz\t",
    "/healthz\x0b",
    "/healthz\x0c",
    "/\x00healthz",
    "/healthz\x00",
    "\x01/healthz",
    "/healthz\x7f",
    "/healthz\x85",
    "/healthz\xa0",
    "/public/\xff",
    "/public/a\tb",
    "/public/\x1f..",
    "/healthz\r",
]
"""Targets that some reader may take for an exempt path. None of them is one, plainly."""

READ_BY_THE_SERVER = [
    *("http://app.example/healthz", "HTTP://APP.EXAMPLE/healthz", "http://other.example/public/a"),
    *("/#", "/healthz#", "/healthz#/../admin", "/healthz#?a", "/public/a#/../../admin", " /healthz", "/healthz "),
]
"""Some servers take an exempt path out of these before anybody sees them: the absolute form (RFC 9112 section 3.2.2) is
the path in it, and fragments and blanks are cut off."""

METHODS = ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
UNKNOWN = [
    "BREW",
    "FOO",
    "get",
    "Get",
    "options",
    "PRI",
    "X",
    "CONNECT",
    "M-SEARCH",
    "G" * 40,
    "GET\x00",
    "G(T",
    "\xc4",
]

PREFLIGHT = ("Origin: https://page.example", "Access-Control-Request-Method: POST")
NO_PREFLIGHTS = [
    (),
    PREFLIGHT[:1],
    PREFLIGHT[1:],
    ("Origin:", PREFLIGHT[1]),
    ("Origin: \t ", PREFLIGHT[1]),
    ("Origin: ,", PREFLIGHT[1]),
    ("Origin:", "Origin:", PREFLIGHT[1]),
    (PREFLIGHT[0], "Access-Control-Request-Method:"),
    (PREFLIGHT[0], "Access_Control_Request_Method: POST"),
    ("Origin_: x", PREFLIGHT[1]),
    (PREFLIGHT[0], "Access-Control-Request-Headers: x-api-key"),
]

POISON = [
    *[tuple(f"{name}: {value}" for name, value in headers) for headers in HEADERS if headers[0][0] != "Host"],
    ("X-Forwarded-Prefix: /admin",),
    ("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Client-IP: 127.0.0.1"),
    ("X-Forwarded-Proto: /healthz",),
    ("X-Forwarded-Proto: https", "X-Forwarded-Scheme: http", "X-Forwarded-SSL: on"),
    ("X-Original-Method: OPTIONS", "X-HTTP-Method: OPTIONS", "X-Method-Override: OPTIONS", *PREFLIGHT),
    ("X-HTTP-Destinationurl: /healthz", "X-Proxy-Url: /healthz", "X-Accel-Redirect: /healthz"),
    ("Request-Uri: /healthz", "X-Request-Uri: /healthz", "Uri: /healthz", "Path: /healthz", "X-Path: /healthz"),
    ("REQUEST_URI: /healthz", "RAW_URI: /healthz", "PATH_INFO: /healthz", "SCRIPT_NAME: /admin"),
    ("SCRIPT_NAME: /adm",),
    ("Root-Path: /admin", "X-Root-Path: /admin", "ROOT_PATH: /admin"),
    ("Wsgi.input: x", "rf_middleware.visit: x", "rf-middleware.grant: x"),
    ("Authorization: Basic Zm9vOmJhcg==",),
    ("X-Workspace: acme", "X-Workspace-Id: acme", "X-Consumer-Username: acme", "Remote-User: acme"),
]

HOSTS = [
    "x?/healthz",
    "x#/healthz",
    "/healthz",
    "app.example/healthz?",
    "app.example:80/healthz?",
    "x/../healthz",
    "",
    "a b",
    "[::1",
    "x@/healthz",
    "x\\healthz",
    "\xe4",
    "a,b",
    "x" * 4000,
]

PATHS = [
    *[Case(f"open {target}", request(target), ("open",), routed=False) for target in NEEDLESS],
    *[Case(f"protected {target}", request(target), ("refused",)) for target in PROTECTED],
    *[Case(f"odd {target!r}", request(target), ("refused",)) for target in ODD_TARGETS],
    *[Case(f"odd with a key {target!r}", request(target, KEY), ("in?",)) for target in ODD_TARGETS[::2]],
    *[Case(f"read by the server {each!r}", request(each), ("open?",), routed=False) for each in READ_BY_THE_SERVER],
    *[Case(f"{method} without", request("/echo", method=method), ("out",)) for method in METHODS],
    *[Case(f"{method} with", request("/echo", KEY, method=method), ("in",)) for method in METHODS],
    *[Case(f"{method} open", request("/healthz", method=method), ("open",), routed=False) for method in METHODS],
    *[Case(f"unknown method {each!r}", request("/echo", method=each), ("refused",)) for each in UNKNOWN],
    *[
        Case(f"unknown method {each!r} as a preflight", request("/echo", *PREFLIGHT, method=each), ("refused",))
        for each in UNKNOWN
    ],
    *[Case(f"CONNECT {each}", request(each, method="CONNECT"), ("refused",)) for each in ("a:443", "/echo", "//")],
    Case("OPTIONS *", request("*", method="OPTIONS"), ("refused",)),
    Case("OPTIONS * as a preflight", request("*", *PREFLIGHT, method="OPTIONS"), ("open?",), routed=False),
    Case("preflight", request("/echo", *PREFLIGHT, method="OPTIONS"), ("open",), routed=False),
    Case(
        "preflight with junk", request("/echo", *PREFLIGHT, "X-API-Key: x", method="OPTIONS"), ("open",), routed=False
    ),
    *[
        Case(f"no preflight {headers}", request("/echo", *headers, method="OPTIONS"), ("out",))
        for headers in NO_PREFLIGHTS
    ],
    *[
        Case(f"{method} with the headers of a preflight", request("/echo", *PREFLIGHT, method=method), ("out",))
        for method in ("GET", "POST", "HEAD", "DELETE")
    ],
    *[Case(f"poison {headers}", request("/admin", *headers), ("out",)) for headers in POISON],
    *[Case(f"poison {headers} below", request("/admin/healthz", *headers), ("out",)) for headers in POISON],
    *[Case(f"host {host[:20]!r}", request("/admin", host=host), ("refused",)) for host in HOSTS],
    *[Case(f"host {host[:20]!r} with a key", request("/admin", KEY, host=host), ("in?",)) for host in HOSTS],
    Case("no host", request("/admin", host=None), ("refused",)),
    Case("two hosts", request("/admin", "Host: x?/healthz"), ("refused",)),
    Case("an override in the query", request("/admin?_method=OPTIONS", *PREFLIGHT, method="POST"), ("out",)),
    *[
        Case(f"websocket {target}", request(target, *WEBSOCKET, close=False), (wanted,), ends=True, routed=routed)
        for target, wanted, routed in [
            ("/echo", "out", True),
            ("/admin?/healthz", "out", True),
            ("/healthz/", "out", True),
            ("//healthz", "out", True),
            ("/public/../admin", "out", True),
            ("/public/%2e%2e/admin", "out", True),
            ("/public%2fa", "out", True),
            ("/healthz#", "refused", True),
            ("http://app.example/admin", "refused", True),
            ("/healthz", "open", False),
            ("/public/a", "open", False),
            (f"/echo?api_key={GOOD}", "in", True),
            ("/echo?api_key=a&api_key=b", "ambiguous", True),
            ("/echo?api_key=", "out", True),
            ("/echo?api_key=%00", "invalid", True),
        ]
    ],
    *[
        Case(
            f"websocket by {method}", request("/echo", *WEBSOCKET, method=method, close=False), ("refused",), ends=True
        )
        for method in ("POST", "OPTIONS", "HEAD", "BREW")
    ],
    Case("websocket as a preflight", request("/echo", *PREFLIGHT, *WEBSOCKET, close=False), ("out",), ends=True),
    Case(
        "websocket of HTTP/1.0", request("/echo", *WEBSOCKET, version="HTTP/1.0", close=False), ("refused",), ends=True
    ),
    Case("websocket without its key", request("/echo", *WEBSOCKET[:3], close=False), ("refused",), ends=True),
    Case(
        "websocket of version 12", request("/echo", *WEBSOCKET[:2], WEBSOCKET[3], close=False), ("refused",), ends=True
    ),
    Case(
        "HTTP/2 by upgrade",
        request("/echo", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"),
        ("refused",),
    ),
    Case("HTTP/2 by prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ("refused",), ends=True),
]
