"""Where a key may be, in headers, cookies and the query."""

from tests.real.raw import FOREIGN, GOOD, JUNK, OTHER, Case, request

__all__ = ["KEYS"]

HEX = "".join(f"%{ord(each):02x}" for each in GOOD)
BEARER = f"Authorization: Bearer {GOOD}"
HEADER = f"X-API-Key: {GOOD}"

LET_IN: list[tuple[str, ...]] = [
    ("/echo", BEARER),
    ("/echo", f"authorization:bearer {GOOD}"),
    ("/echo", f"AUTHORIZATION: \t BEARER   {GOOD} \t "),
    ("/echo", HEADER),
    ("/echo", f"x-api-key:{GOOD}"),
    ("/echo", BEARER, HEADER),
    ("/echo", f"Cookie: a=b; key={GOOD}"),
    ("/echo", f'Cookie: key="{GOOD}"'),
    ("/echo", "Cookie: a=b", f"Cookie: key={GOOD}"),
    ("/echo", HEADER, f"x_api_key: {OTHER}", f"X_API_Key: {OTHER}"),
    ("/echo", BEARER, "Authorization_: Bearer x"),
    (f"/echo?api_key={GOOD}",),
    (f"/echo?api_key={HEX}",),
    (f"/echo?%61pi%5fkey={GOOD}",),
    (f"/echo?api_key=%20{GOOD}%09",),
    (f"/echo?&&api_key={GOOD}&&",),
    (f"/echo?api_key={GOOD}&API_KEY=x",),
    (f"/echo?api_key={GOOD}", BEARER, HEADER, f"Cookie: key={GOOD}"),
    ("/echo?api_key=", BEARER, "X-API-Key: \t"),
    (f"/echo?{'a=b&' * 500}api_key={GOOD}",),
]

MISSING: list[tuple[str, ...]] = [
    ("/echo",),
    ("/echo", "X-API-Key:"),
    ("/echo", "X-API-Key: \t "),
    ("/echo", "Authorization:"),
    ("/echo", "Authorization: Bearer"),
    ("/echo", "Authorization: Bearer "),
    ("/echo", f"Authorization: {GOOD}"),
    ("/echo", f"Authorization: Bearer\t{GOOD}"),
    ("/echo", f"Authorization: Basic {GOOD}"),
    ("/echo", f"Authorization: Bearer2 {GOOD}"),
    ("/echo", f"Authorization: Token {GOOD}"),
    ("/echo", f"Proxy-Authorization: Bearer {GOOD}"),
    ("/echo", f"X-Authorization: Bearer {GOOD}"),
    ("/echo", f"X-Forwarded-Authorization: Bearer {GOOD}"),
    ("/echo", f"X_API_Key: {GOOD}"),
    ("/echo", f"X_API-KEY: {GOOD}"),
    ("/echo", f"X-API_Key: {GOOD}"),
    ("/echo", f"X.API.Key: {GOOD}"),
    ("/echo", f"XAPIKey: {GOOD}"),
    ("/echo", f"HTTP-X-API-Key: {GOOD}"),
    ("/echo", f"X-API-Key2: {GOOD}"),
    ("/echo", f"Cookie: KEY={GOOD}"),
    ("/echo", f"Cookie: key2={GOOD}; xkey={GOOD}"),
    ("/echo", "Cookie: key"),
    ("/echo", "Cookie: key="),
    ("/echo", 'Cookie: key=""'),
    ("/echo", f"Cookie: api_key={GOOD}"),
    ("/echo", f"Referer: http://app.example/?api_key={GOOD}"),
    (f"/echo?API_KEY={GOOD}",),
    (f"/echo?api-key={GOOD}",),
    (f"/echo?api_key[]={GOOD}",),
    (f"/echo?api_key%00={GOOD}",),
    (f"/echo?api+key={GOOD}",),
    (f"/echo?%2561pi_key={GOOD}",),
    (f"/echo?a=b;api_key={GOOD}",),
    (f"/echo?a%26api_key={GOOD}",),
    (f"/echo??api_key={GOOD}",),
    (f"/echo?a=b?api_key={GOOD}",),
    (f"/api_key={GOOD}",),
    ("/echo?api_key",),
    ("/echo?api_key=",),
    ("/echo?api_key=%20%09",),
    ("/echo?=x",),
]

INVALID: list[tuple[str, ...]] = [
    ("/echo", f"X-API-Key: {GOOD} x"),
    ("/echo", f"X-API-Key: Bearer {GOOD}"),
    ("/echo", f'X-API-Key: "{GOOD}" '),
    ("/echo", "X-API-Key: \xe4\xf6\xfc"),
    ("/echo", f"X-API-Key: {GOOD}\xa0"),
    ("/echo", "X-API-Key: " + "x" * 513),
    ("/echo", "X-API-Key: " + "x" * 4000),
    ("/echo", f"X-API-Key: {GOOD}\t\tx"),
    ("/echo", f"Authorization: Bearer {GOOD} x"),
    ("/echo", "Authorization: Bearer \xe4"),
    ("/echo", f"Authorization: Bearer Bearer {GOOD}"),
    ("/echo", "X-API-Key: rf_publishable"),
    ("/echo", f"X-API-Key: {GOOD.upper()}"),
    ("/echo", f"X-API-Key: {GOOD}x"),
    ("/echo", f"X-API-Key: {GOOD[:-1]}"),
    ("/echo", f"X-API-Key: {JUNK}"),
    ("/echo", "X-API-Key: " + "y" * 512),
    ("/echo", f"Cookie: key={GOOD} x"),
    ("/echo", "Cookie: key=\xe4"),
    (f"/echo?api_key={GOOD}%00",),
    (f"/echo?api_key=%00{GOOD}",),
    (f"/echo?api_key={GOOD}%0a",),
    (f"/echo?api_key={GOOD}%0d%0aX:y",),
    (f"/echo?api_key=+{GOOD}",),
    (f"/echo?api_key={GOOD}%20x",),
    (f"/echo?api_key=={GOOD}",),
    (f"/echo?api_key={GOOD};api_key={GOOD}",),
    (f"/echo?api_key={GOOD}%26api_key=x",),
    ("/echo?api_key=%ff%fe",),
    ("/echo?api_key=%c3%a4",),
    ("/echo?api_key=%",),
    ("/echo?api_key=%E4%00%zz",),
    ("/echo?api_key=" + "x" * 513,),
    (f"/echo?api_key={HEX.replace('%', '%25')}",),
]

MAY_ASK = (
    *(GOOD.upper(), GOOD + "x", GOOD[:-1], JUNK, "y" * 512, "+" + GOOD, "=" + GOOD, f'"{GOOD}"', "%"),
    *(f"{GOOD};api_key={GOOD}", f"{GOOD}&api_key=x", HEX),
)
"""Those of the invalid ones that could be keys: 1 to 512 visible characters."""

AMBIGUOUS: list[tuple[str, ...]] = [
    ("/echo", HEADER, HEADER),
    ("/echo", HEADER, f"x-api-key: {OTHER}"),
    ("/echo", HEADER, "X-API-Key:"),
    ("/echo", "X-API-Key:", HEADER),
    ("/echo", f"X-API-Key: {GOOD},"),
    ("/echo", f"X-API-Key: ,{GOOD}"),
    ("/echo", f"X-API-Key: {GOOD}, {GOOD}"),
    ("/echo", BEARER, BEARER),
    ("/echo", BEARER, f"Authorization: Bearer {OTHER}"),
    ("/echo", BEARER, "Authorization: Basic Zm9vOmJhcg=="),
    ("/echo", "Authorization: Basic Zm9vOmJhcg==", BEARER),
    ("/echo", f"Authorization: Basic x, Bearer {GOOD}"),
    ("/echo", BEARER, f"X-API-Key: {OTHER}"),
    ("/echo", BEARER, f"X-API-Key: {FOREIGN}"),
    ("/echo", BEARER, "X-API-Key: not a key"),
    ("/echo", BEARER, f"Cookie: key={OTHER}"),
    ("/echo", f"Cookie: key={GOOD}; key={OTHER}"),
    ("/echo", f"Cookie: key={GOOD}", f"Cookie: key={GOOD}"),
    (f"/echo?api_key={GOOD}&api_key={GOOD}",),
    (f"/echo?api_key={GOOD}&api_key={OTHER}",),
    (f"/echo?api_key={GOOD}&api_key",),
    (f"/echo?api_key=&api_key={GOOD}",),
    (f"/echo?api_key={GOOD}&%61pi_key=",),
    (f"/echo?api_key={GOOD}&a=b&api%5Fkey={OTHER}",),
    (f"/echo?api_key={OTHER}", BEARER),
    (f"/echo?api_key={GOOD}x", HEADER),
    ("/echo?" + "api_key=x&" * 300,),
]

QUERIES = [
    (f"/echo?api_key={GOOD}", ""),
    (f"/echo?api_key={GOOD}&a=%2F&&b=+;c", "a=%2F&&b=+;c"),
    (f"/echo?a=%c3%a4&%61pi_key={HEX}&b", "a=%c3%a4&b"),
    (f"/echo?a=b&api_key={GOOD}", "a=b"),
    (f"/echo?a=b?c&api_key={GOOD}", "a=b?c"),
]
"""What the app sees of a query."""


def _cases(kind: str, table: list[tuple[str, ...]], asks: tuple[str, ...] = ()) -> list[Case]:
    return [
        Case(f"{kind} {number} {' '.join(parts)[:50]!r}", request(*parts), (kind,), asks)
        for number, parts in enumerate(table)
    ]


CLIENTS = [
    *(
        ",",
        ",,,",
        "unknown",
        "1.2.3.4:80",
        "[::1]:80",
        "fe80::1%eth0",
        "::ffff:1.2.3.4",
        "1.2.3.4,\xff",
        "\xff",
        "a" * 3000,
    ),
    *(
        "1.2.3.4, 127.0.0.1",
        "0",
        "-1",
        "1.2.3",
        "256.1.1.1",
        "1.2.3.4/8",
        "::",
        "1.2.3.4\t",
        "for=1.2.3.4",
        "%31",
        "1," * 900,
    ),
]
"""What a client may write into ``X-Forwarded-For``, which says whose failures count."""

KEYS = [
    *[
        Case(
            f"client {each[:20]!r}",
            request("/echo", f"X-API-Key: junk-{n}", f"X-Forwarded-For: {each}"),
            ("invalid",),
            (f"junk-{n}",),
        )
        for n, each in enumerate(CLIENTS)
    ],
    Case(
        "many clients", request("/echo", "X-API-Key: junk", *["X-Forwarded-For: 1.2.3.4"] * 50), ("invalid",), ("junk",)
    ),
    *_cases("in", LET_IN),
    *_cases("out", MISSING),
    *_cases("invalid", INVALID, MAY_ASK),
    *_cases("ambiguous", AMBIGUOUS),
    *[
        Case(f"stripped {number}", request(target), ("in",), query=left)
        for number, (target, left) in enumerate(QUERIES)
    ],
    Case("another workspace", request("/echo", f"X-API-Key: {FOREIGN}"), ("refused",), (FOREIGN,)),
    Case("who says who asks", request("/echo?workspace=initech", HEADER, "X-Workspace: initech"), ("in",)),
    Case(
        "a key on an open path is not looked at",
        request(f"/healthz?api_key={JUNK}&api_key=x", HEADER, f"X-API-Key: {OTHER}"),
        ("open",),
        routed=False,
    ),
]
