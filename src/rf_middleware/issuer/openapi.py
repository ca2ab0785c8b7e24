"""``/openapi.json``: the routes for programs, as an OpenAPI 3.1 document built from one table.

* A route that is not in the table, or the other way round, fails a test; so does an answer unlike its schema.
* Pages for people are not in it: their routes say ``include_in_schema=False``.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware.issuer.answers import answer
from rf_middleware.issuer.metadata import base_url
from rf_middleware.issuer.openapi_parts import COMPONENTS, FORM, JSON
from rf_middleware.issuer.openapi_shapes import JsonObject, of, refs

__all__ = ["OPERATIONS", "Description", "Operation", "document"]


class Operation(NamedTuple):
    """One method of one path.

    Attributes:
        said: what it does, in a line.
        who: the kinds of secret it takes, one of them is enough; empty for none.
        answers: schemas of the good answers by status; several with blanks between.
        refusals: statuses of the others.
        body: the schema of the body; empty for none.
        kind: the media type of the body.
        needed: whether it has to have a body.
        parameters: of path and query, with blanks between.
        pages: whether the answer can be a page too.
    """

    said: str
    who: str
    answers: dict[int, str]
    refusals: tuple[int, ...] = ()
    body: str = ""
    kind: str = JSON
    needed: bool = False
    parameters: str = ""
    pages: bool = False


_KEY: Final = "key keyInQuery"
_ONE: Final = "workspace key_id"
_READ: Final = (400, 401, 404)

OPERATIONS: Final[dict[str, dict[str, Operation]]] = {
    "/": {
        "get": Operation("Check a key", _KEY, {200: "Welcome"}, (400, 401), pages=True),
        "post": Operation("Check a key", _KEY, {200: "Welcome"}, (400, 401)),
    },
    "/{workspace}": {"get": Operation("Describe a workspace", _KEY, {200: "Workspace"}, _READ, parameters="workspace")},
    "/{workspace}/api-keys": {
        "get": Operation(
            "List keys", _KEY, {200: "Keys"}, _READ, parameters="workspace includeDisabled includeFolders"
        ),
        "post": Operation("Create a key", _KEY, {200: "MadeKey"}, (*_READ, 403, 413), "NewKey", parameters="workspace"),
    },
    "/{workspace}/api-keys/publishable": {
        "get": Operation("Tell the publishable key", _KEY, {200: "Publishable"}, _READ, parameters="workspace"),
    },
    "/{workspace}/api-keys/{key_id}": {
        "get": Operation("Describe a key", _KEY, {200: "OneKey"}, _READ, parameters=_ONE),
        "patch": Operation(
            "Change a key",
            _KEY,
            {200: "ChangedKey", 202: "ChangedKey"},
            (*_READ, 403, 409, 413),
            "KeyChange",
            parameters=f"{_ONE} wait",
        ),
        "delete": Operation(
            "Revoke a key",
            _KEY,
            {200: "Receipt", 202: "Place"},
            (*_READ, 409),
            parameters=f"{_ONE} wait",
        ),
    },
    "/{workspace}/api-keys/{key_id}/roll": {
        "post": Operation(
            "Replace a key by a new one",
            _KEY,
            {200: "RolledKey", 202: "RolledKey Place"},
            (*_READ, 403, 409, 413),
            "Roll",
            parameters=f"{_ONE} wait",
        ),
    },
    "/revocations/{seq}": {
        "get": Operation(
            "Tell which validators confirmed a change",
            f"{_KEY} validator session",
            {200: "Pending Done"},
            _READ,
            "",
            JSON,
            parameters="seq",
        ),
    },
    "/introspect": {
        "post": Operation(
            "Say whether a key is good (RFC 7662)",
            "validator",
            {200: "Introspection"},
            (400, 401, 413),
            "TokenForm",
            FORM,
            needed=True,
        ),
    },
    "/revoke": {
        "post": Operation(
            "End the key that is sent (RFC 7009)",
            "",
            {200: "Receipt Unknown"},
            (400, 413, 429, 503),
            "TokenForm",
            FORM,
            needed=True,
        ),
    },
    "/device_authorization": {
        "post": Operation(
            "Begin the login of a device (RFC 8628)",
            "",
            {200: "DeviceAsked"},
            (400, 413, 429),
            "DeviceForm",
            FORM,
            needed=True,
        ),
    },
    "/token": {
        "post": Operation(
            "Fetch the keys of a login that was allowed (RFC 8628)",
            "",
            {200: "Tokens"},
            (400, 413, 429),
            "DeviceTokenForm",
            FORM,
            needed=True,
        ),
    },
    "/query/cliAuthToken/{token}": {
        "get": Operation(
            "Exchange a one-time token for keys; null if it is not good",
            "",
            {200: "Pasted"},
            (429,),
            parameters="token",
        ),
    },
    "/feed": {
        "post": Operation(
            "Take events, confirm them, get a lease",
            "validator",
            {200: "Events"},
            (400, 401, 413, 429, 503),
            "Poll",
            needed=True,
        ),
    },
    "/feed/{session}": {
        "delete": Operation("Give a lease back", "validator", {200: "Released"}, (400, 401), parameters="session"),
    },
    "/.well-known/oauth-authorization-server": {
        "get": Operation("Tell the endpoints (RFC 8414)", "", {200: "Document"}),
    },
    "/healthz": {"get": Operation("Say that the process runs", "", {200: "Status"})},
    "/readyz": {"get": Operation("Say whether requests can be answered", "", {200: "Status"}, (503,))},
    "/openapi.json": {"get": Operation("Tell this document", "", {200: "Document"})},
}
"""By path and method."""


class Description:
    """The route of the document."""

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [Route("/openapi.json", self.tell, methods=["GET"])]

    async def tell(self, request: Request) -> JSONResponse:
        """Tell the document."""
        return answer(document(base_url(request)))


def document(base: str) -> JsonObject:
    """Return the document of an issuer at this address."""
    paths = {path: {method: _operation(each) for method, each in here.items()} for path, here in OPERATIONS.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "rf-middleware issuer", "version": version("rf-middleware")},
        "servers": [{"url": base}],
        "paths": paths,
        "components": COMPONENTS,
    }


def _operation(each: Operation) -> JsonObject:
    good: dict[str, object] = {str(status): _good(names, each) for status, names in each.answers.items()}
    refused = {str(status): refs("responses", "Refused")[0] for status in sorted({*each.refusals})}
    body: JsonObject = {"required": each.needed, "content": {each.kind: {"schema": of(each.body)}}}
    return {
        "summary": each.said,
        "security": [{who: []} for who in each.who.split()],
        "parameters": refs("parameters", each.parameters),
        **({"requestBody": body} if each.body else {}),
        "responses": {**good, **refused},
    }


def _good(names: str, each: Operation) -> JsonObject:
    shapes = [of(name) for name in names.split()]
    content: JsonObject = {JSON: {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}}}
    if each.pages:
        content["text/html"] = {}
    return {"description": each.said, "content": content}
