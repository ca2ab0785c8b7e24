"""How requests are framed: lengths, chunks, line ends, several on one connection, and bodies that are not JSON."""

from tests.real.raw import GOOD, JUNK, OTHER, Case, request

__all__ = ["WIRE"]

KEY = f"X-API-Key: {GOOD}"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
BODY = b'{"api_key": "%b"}' % GOOD.encode()
WHOLE = f"Content-Length: {len(BODY)}"
END = b"0\r\n\r\n"


def chunks(*parts: bytes) -> bytes:
    """Return a chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + END


def post(*headers: str, body: bytes = b"", close: bool = True) -> bytes:
    """Return a POST with exactly these headers, and a body that they speak of."""
    return request("/echo", *headers, method="POST", close=close) + body


GOOD_LINE = b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

LINES = [
    ("LF only", GOOD_LINE.replace(b"\r\n", b"\n") + b"X-API-Key: " + GOOD.encode() + b"\n\n", "in?"),
    ("CR only", GOOD_LINE.replace(b"\r\n", b"\r") + b"X-API-Key: " + GOOD.encode() + b"\r\r", "refused"),
    ("LF before the key", GOOD_LINE + b"A: b\nX-API-Key: %b\r\n\r\n" % GOOD.encode(), "in?"),
    ("CR before the key", GOOD_LINE + b"A: b\rX-API-Key: %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("folded key", GOOD_LINE + b"X-API-Key:\r\n %b\r\n\r\n" % GOOD.encode(), "in?"),
    ("folded in the middle", GOOD_LINE + b"X-API-Key: good-\r\n key-of-acme\r\n\r\n", "refused"),
    ("folded scheme", GOOD_LINE + b"Authorization: Bearer\r\n\t%b\r\n\r\n" % GOOD.encode(), "in?"),
    ("folded into another header", GOOD_LINE + b"A: b\r\n X-API-Key: %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("blank before the colon", GOOD_LINE + b"X-API-Key : %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("blank before the name", GOOD_LINE[:-2] + b"\r\n X-API-Key: %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("NUL in the name", GOOD_LINE + b"X-API\x00-Key: %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("NUL in the value", GOOD_LINE + b"X-API-Key: %b\x00\r\n\r\n" % GOOD.encode(), "refused"),
    ("NUL before the value", GOOD_LINE + b"X-API-Key: \x00%b\r\n\r\n" % GOOD.encode(), "refused"),
    ("control in the value", GOOD_LINE + b"X-API-Key: %b\x01\r\n\r\n" % GOOD.encode(), "refused"),
    ("vertical tab around", GOOD_LINE + b"X-API-Key: \x0b%b\x0c\r\n\r\n" % GOOD.encode(), "refused"),
    ("DEL in the value", GOOD_LINE + b"X-API-Key: %b\x7f\r\n\r\n" % GOOD.encode(), "refused"),
    ("name that is not ASCII", GOOD_LINE + b"X-API-K\xc3\xa9y: %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("no name", GOOD_LINE + b": %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("no colon", GOOD_LINE + b"X-API-Key %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("two colons", GOOD_LINE + b"X-API-Key:: %b\r\n\r\n" % GOOD.encode(), "refused"),
    ("empty lines first", b"\r\n\r\n" + GOOD_LINE + b"\r\n", "refused"),
    ("empty lines first, with a key", b"\r\n" + GOOD_LINE + b"X-API-Key: %b\r\n\r\n" % GOOD.encode(), "in?"),
    ("a long header", GOOD_LINE + b"A: " + b"x" * 70_000 + b"\r\n\r\n", "refused"),
    ("a long key", GOOD_LINE + b"X-API-Key: " + b"x" * 70_000 + b"\r\n\r\n", "refused"),
    ("many headers", GOOD_LINE + b"A: b\r\n" * 2_000 + b"\r\n", "refused"),
    ("many keys", GOOD_LINE + b"X-API-Key: a\r\n" * 2_000 + b"\r\n", "refused"),
    ("a long target", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "refused"),
    ("HTTP/0.9", b"GET /echo\r\n\r\n", "refused"),
    ("HTTP/0.9 open", b"GET /healthz\r\n\r\n", "open?"),
    ("HTTP/1.0", b"GET /echo HTTP/1.0\r\n\r\n", "out"),
    ("HTTP/1.0 with a key", b"GET /echo HTTP/1.0\r\nX-API-Key: %b\r\n\r\n" % GOOD.encode(), "in"),
    ("HTTP/1.0 kept", b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "out"),
    ("HTTP/1.2", GOOD_LINE.replace(b"1.1", b"1.2") + b"\r\n", "refused"),
    ("HTTP/2.0", GOOD_LINE.replace(b"1.1", b"2.0") + b"\r\n", "refused"),
    ("HTTP/9.9 open", b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n", "open?"),
    ("http/1.1", GOOD_LINE.replace(b"HTTP", b"http") + b"\r\n", "refused"),
    ("no version", b"GET /echo \r\nHost: a\r\n\r\n", "refused"),
    ("two blanks", b"GET  /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "open?"),
    ("a tab", b"GET\t/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "open?"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60, "refused"),
    ("noise", bytes(range(256)) * 2 + b"\r\n\r\n", "refused"),
    ("PROXY protocol", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n", "refused"),
]

LENGTHS = [
    "-1",
    "+5",
    "5x",
    "x",
    "",
    " ",
    "0x5",
    "5.0",
    "5,5",
    "5, 6",
    "1e1",
    "\xb2",
    "\u00b9\u00b2",
    "9" * 25,
    "00",
    "5 5",
    "_5",
]
"""Of a body of five bytes."""

BODIES: list[tuple[str, bytes, str]] = [
    ("a key", BODY, "in"),
    ("a key among others", b'{"a": {"api_key": 1}, "api_key": "%b", "b": [NaN]}' % GOOD.encode(), "in"),
    ("an escaped key", b'{"\\u0061pi_key": "\\u0067%b"}' % GOOD[1:].encode(), "in"),
    ("nothing", b"{}", "out"),
    ("a list", b"[" + BODY + b"]", "out"),
    ("a text", b'"api_key"', "out"),
    ("a deep key", b'{"x": ' + BODY + b"}", "out"),
    ("a number", b'{"api_key": 5}', "out"),
    ("a list of keys", b'{"api_key": ["%b"]}' % GOOD.encode(), "out"),
    ("an object", b'{"api_key": {"api_key": "%b"}}' % GOOD.encode(), "out"),
    ("null", b'{"api_key": null}', "out"),
    ("true", b'{"api_key": true}', "out"),
    ("blank", b'{"api_key": " \\t"}', "out"),
    ("cut", BODY[:-1], "out"),
    ("more", BODY + b"x", "out"),
    ("NUL", BODY + b"\x00", "out"),
    ("two objects", BODY + BODY, "out"),
    ("noise", b"\xff\xfe\x00\x01", "out"),
    ("gzip", b"\x1f\x8b\x08\x00" * 8, "out"),
    ("a bomb of lists", b"[" * 100_000, "out"),
    ("a bomb of objects", b'{"a":' * 100_000, "out"),
    ("a bomb beside a key", b'{"api_key": "%b", "x": ' % GOOD.encode() + b"[" * 100_000 + b"]" * 100_000 + b"}", "out"),
    ("a long number", b'{"api_key": "%b", "x": ' % GOOD.encode() + b"9" * 100_000 + b"}", "out"),
    ("a key that is none", b'{"api_key": "\\u00e4"}', "invalid"),
    ("half a character", b'{"api_key": "\\ud800"}', "invalid"),
    ("a NUL in a key", b'{"api_key": "%b\\u0000"}' % GOOD.encode(), "invalid"),
    ("twice", b'{"api_key": "%b", "api_key": "%b"}' % (GOOD.encode(), GOOD.encode()), "ambiguous"),
    ("twice, once in disguise", b'{"api_key": "%b", "\\u0061pi_key": 1}' % GOOD.encode(), "ambiguous"),
    ("form", b"api_key=" + GOOD.encode(), "out"),
    ("over a mebibyte", BODY + b" " * (1 << 20), "out"),
]

CHUNKS: list[tuple[str, bytes, str]] = [
    ("plain", chunks(BODY), "in"),
    ("bytes", chunks(*(bytes([each]) for each in BODY)), "in"),
    ("extension", b"%x;a=b\r\n%b\r\n" % (len(BODY), BODY) + END, "in?"),
    ("trailer", b"%x\r\n%b\r\n0\r\nX-API-Key: %b\r\n\r\n" % (len(BODY), BODY, OTHER.encode()), "in?"),
    # uvicorn puts the trailers that httptools reads among the headers, where nobody can tell them apart.
    ("key in a trailer", b"2\r\n{}\r\n0\r\nX-API-Key: %b\r\n\r\n" % GOOD.encode(), "in?"),
    ("path in a trailer", b"2\r\n{}\r\n0\r\nX-Original-URL: /healthz\r\n\r\n", "refused"),
    ("capitals", b"%X\r\n%b\r\n" % (len(BODY), BODY) + END, "in?"),
    ("zeros", b"000%x\r\n%b\r\n" % (len(BODY), BODY) + b"000\r\n\r\n", "in?"),
    ("negative", b"-5\r\n%b\r\n" % BODY + END, "refused"),
    ("no number", b"xyz\r\n%b\r\n" % BODY + END, "refused"),
    ("hex prefix", b"0x5\r\n%b\r\n" % BODY + END, "refused"),
    ("huge", b"f" * 20 + b"\r\n%b\r\n" % BODY + END, "refused"),
    ("shorter than it says", b"%x\r\n%b\r\n" % (len(BODY) + 5, BODY) + END, "refused"),
    ("longer than it says", b"%x\r\n%b\r\n" % (len(BODY) - 5, BODY) + END, "refused"),
    ("LF only", b"%x\n%b\n0\n\n" % (len(BODY), BODY), "in?"),
    ("no end", b"%x\r\n%b\r\n" % (len(BODY), BODY), "refused"),
    ("nothing", b"", "refused"),
    ("empty", END, "out"),
    ("cut JSON", chunks(BODY[:-1]), "out"),
]

ENCODINGS = [
    "identity",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    "xchunked",
    "",
    "chunked\x0b",
    "CHUNKED",
    "cow",
]


def kept(*headers: str) -> bytes:
    """Return a GET after which the connection is kept."""
    return request("/echo", *headers, close=False)


LAST = request("/echo")
LAST_GOOD = request("/echo", KEY)

WIRE = [
    *[Case(name, raw, (wanted,), ends=True) for name, raw, wanted in LINES],
    *[
        Case(f"length {each[:9]!r}", post(JSON, f"Content-Length: {each}", body=b"{}   "), ("refused",), ends=True)
        for each in LENGTHS
    ],
    *[
        Case(
            f"length {each[:9]!r} with a key",
            post(JSON, KEY, f"Content-Length: {each}", body=b"{}   "),
            ("in?",),
            ends=True,
        )
        for each in LENGTHS
    ],
    Case("two lengths", post(JSON, "Content-Length: 2", "Content-Length: 5", body=b"{}   "), ("refused",), ends=True),
    Case("a length beside chunks", post(JSON, CHUNKED, "Content-Length: 2", body=chunks(BODY)), ("in?",), ends=True),
    Case("a twin of the length", post(JSON, "Content_Length: 2", WHOLE, body=BODY), ("in",)),
    Case(
        "a twin of the type",
        post("Content_Type: application/json", WHOLE, body=BODY),
        ("out",),
    ),
    Case("a body that does not come", post(JSON, "Content-Length: 100", body=BODY), ("refused",), ends=True),
    Case("a body before a 100", post(JSON, "Expect: 100-continue", WHOLE, body=BODY), ("in",)),
    Case(
        "an odd expectation", post(JSON, "Expect: 200-maybe", "Content-Length: 2", body=b"{}"), ("refused",), ends=True
    ),
    *[
        Case(f"body: {name}", request("/echo", JSON, method="POST", body=body), (wanted,))
        for name, body, wanted in BODIES
    ],
    *[
        Case(f"body with a key: {name}", request("/echo", JSON, KEY, method="POST", body=body), ("in",), body=body)
        for name, body, wanted in BODIES
        if wanted == "out"
    ],
    *[
        Case(f"other type {kind}", request("/echo", f"Content-Type: {kind}", method="POST", body=BODY), ("out",))
        for kind in ("text/plain", "application/jsonx", "x; application/json", "", "multipart/form-data")
    ],
    *[
        Case(f"JSON by {method}", request("/echo", JSON, method=method, body=BODY), ("in",))
        for method in ("GET", "PUT", "DELETE")
    ],
    *[Case(f"chunks: {name}", post(JSON, CHUNKED, body=body), (wanted,), ends=True) for name, body, wanted in CHUNKS],
    *[
        Case(f"coding {each!r}", post(JSON, f"Transfer-Encoding: {each}", body=chunks(b"{}")), ("refused",), ends=True)
        for each in ENCODINGS
    ],
    Case("coding twice", post(JSON, CHUNKED, CHUNKED, body=chunks(BODY)), ("in?",), ends=True),
    Case(
        "chunks of HTTP/1.0",
        post(JSON, CHUNKED, body=chunks(BODY)).replace(b"HTTP/1.1", b"HTTP/1.0"),
        ("in?",),
        ends=True,
    ),
    Case(
        "a twin of the coding",
        post(JSON, "Transfer_Encoding: chunked", WHOLE, body=BODY),
        ("in",),
    ),
    Case("good, then nobody", kept(KEY) + LAST, ("in", "refused")),
    Case("nobody, then good", kept() + LAST_GOOD, ("out", "in?")),
    Case(
        "junk, then good, then nobody",
        kept(f"X-API-Key: {JUNK}") + kept(KEY) + LAST,
        ("invalid", "in?", "refused"),
        (JUNK,),
    ),
    Case("open, then protected", request("/healthz", close=False) + LAST, ("open", "refused"), routed=False),
    Case(
        "good in a body, then nobody",
        request("/echo", JSON, method="POST", body=BODY, close=False) + LAST,
        ("in", "refused"),
    ),
    Case(
        "refused with a body, then nobody",
        request("/echo", method="POST", body=LAST_GOOD, close=False) + LAST,
        ("out", "refused"),
    ),
    Case(
        "refused in chunks, then nobody", post(CHUNKED, body=chunks(LAST_GOOD), close=False) + LAST, ("out", "refused")
    ),
    Case("a good request in the body of a refused one", request("/echo", method="POST", body=LAST_GOOD), ("out",)),
    Case(
        "a length that hides a request",
        post("Content-Length: 0", CHUNKED, body=END + LAST_GOOD),
        ("refused",),
        ends=True,
    ),
    Case("a good key after the end", LAST + b"X-API-Key: %b\r\n\r\n" % GOOD.encode(), ("out",), ends=True),
    Case(
        "a preflight, then nobody",
        request("/echo", "Origin: x", "Access-Control-Request-Method: GET", method="OPTIONS", close=False) + LAST,
        ("open", "refused"),
        routed=False,
    ),
    Case("HEAD, then nobody", request("/echo", KEY, method="HEAD", close=False) + LAST, ("in", "refused")),
    Case(
        "websocket refused, then good",
        request(
            "/echo",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            close=False,
        )
        + LAST_GOOD,
        ("out", "in?"),
        ends=True,
    ),
]
