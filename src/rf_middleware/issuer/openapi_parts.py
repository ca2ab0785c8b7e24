"""What the operations of the OpenAPI document share: schemas, parameters, answers. Data."""

from typing import Final

from rf_middleware.issuer.openapi_logins import LOGIN_SCHEMAS
from rf_middleware.issuer.openapi_shapes import JsonObject, array, either, integer, number, of, record, text

__all__ = ["COMPONENTS", "FORM", "JSON"]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_FLAG: Final = {"type": "boolean"}
_SCOPES: Final = either(
    "array",
    "null",
    items=text(pattern="^[a-z0-9_-]+:[a-z0-9_-]+$", maxLength=200),
    maxItems=100,
    description="null: every scope; in requests also presets: role:admin, role:developer, role:viewer, role:inference",
)
_TEXTS: Final = array(text(minLength=1, maxLength=200), maxItems=100)
_METADATA: Final[JsonObject] = {"type": "object", "maxProperties": 100, "additionalProperties": {}}
_NAME: Final = text(maxLength=200)

_KEY: Final[JsonObject] = {
    "keyId": text(),
    "name": _NAME,
    "prefix": text("The first characters of the key"),
    "lastFour": text(),
    "default": _FLAG,
    "protected": _FLAG,
    "disabled": _FLAG,
    "scopes": _SCOPES,
    "owners": _TEXTS,
    "folderIds": _TEXTS,
    "customMetadata": _METADATA,
    "createdBy": text(),
    "created_on": text(format="date-time"),
    "expiresAt": _TIME,
    "rotationDueAt": _TIME,
    "lastUsed": _TIME,
}
_CHANGED: Final[JsonObject] = {
    "name": _NAME,
    "scopes": _SCOPES,
    "owners": _TEXTS,
    "customMetadata": _METADATA,
    "protected": _FLAG,
    "rotationDueAt": either("string", "null", description="A date or time in the future; UTC unless it says"),
    "expiresAt": _TIME,
}
_RECEIPT: Final[JsonObject] = {
    "revoked": _FLAG,
    "keyId": text(),
    "seq": integer(),
    "validators": record({"confirmed": integer(), "expired": integer()}),
    "took_ms": number(),
}
_PLACE: Final[JsonObject] = {"receipt": text("Where the receipt will be", pattern="^/revocations/[0-9]+$")}
_MADE: Final[JsonObject] = {"key": text("The secret, shown this once"), **_KEY}
_NOT_ALWAYS: Final = "revoked keyId seq validators took_ms receipt"

_SCHEMAS: Final[JsonObject] = {
    "Error": record({"error": text(), "error_description": text()}, "error_description"),
    "Welcome": record({"welcome": text(), "instructions": text(), "docs": text(), "workspace": text()}),
    "Workspace": record(
        {"workspace": record({"name": text(), "url": text(), "members": integer(), "projects": array({})})}
    ),
    "Key": record(_KEY, "folderIds"),
    "Keys": record({"apiKeys": array(of("Key")), "publishableKey": text()}),
    "OneKey": record({"apiKey": of("Key")}),
    "Publishable": record({"publishableKey": text(pattern="^rf_")}),
    "NewKey": record({**_CHANGED, "folderIds": _TEXTS}, " ".join(("folderIds", *_CHANGED))),
    "KeyChange": record({**_CHANGED, "disabled": _FLAG}, " ".join(("disabled", *_CHANGED))),
    "Roll": record(
        {
            "graceSeconds": number("How long the old key stays good", minimum=0, maximum=2_592_000),
            "owners": _TEXTS,
            "rotationDueAt": _CHANGED["rotationDueAt"],
        },
        "graceSeconds owners rotationDueAt",
    ),
    "MadeKey": record(_MADE),
    "RolledKey": record({**_RECEIPT, **_PLACE, **_MADE, "rolled": text("The old id")}, f"{_NOT_ALWAYS} keyId"),
    "ChangedKey": record({**_RECEIPT, **_PLACE, "apiKey": of("Key")}, f"{_NOT_ALWAYS} apiKey"),
    "Receipt": record(_RECEIPT, "revoked keyId"),
    "Unknown": record({}),
    "Place": record(_PLACE),
    "Pending": record({"state": {"const": "pending"}, "seq": integer(), "waiting_for": integer()}),
    "Done": record(
        {"state": {"const": "done"}, "change": text(), **_RECEIPT, "report": array({"type": "object"})}, "revoked keyId"
    ),
    "TokenForm": record({"token": text(minLength=1)}, additionalProperties={}),
    **LOGIN_SCHEMAS,
    "Introspection": record(
        {
            "active": _FLAG,
            "workspace": text(),
            "workspace_name": text(),
            "workspace_id": text(),
            "key_id": text(),
            "scope": text("Names with blanks between; * is every scope"),
            "publishable": _FLAG,
            "expires_in": number(),
            "epoch": text(),
            "head": integer(),
        },
        "workspace workspace_name workspace_id key_id scope publishable expires_in",
    ),
    "Poll": record(
        {
            "session": text(minLength=8, maxLength=64),
            "epoch": either("string", "null"),
            "ack": integer(minimum=0),
            "wait": number("Seconds the answer may be held back", minimum=0, maximum=86_400),
            "name": text(minLength=1, maxLength=100),
            "version": text(minLength=1, maxLength=50),
        },
        "epoch name version",
        additionalProperties={},
    ),
    "Events": record(
        {
            "epoch": text(),
            "reset": _FLAG,
            "head": integer(),
            "events": array(
                record(
                    {"seq": integer(), "change": text(), "fingerprint": text(), "workspace": text()},
                    "fingerprint workspace",
                )
            ),
            "lease": number(),
        }
    ),
    "Released": record({"released": {"const": True}}),
    "Status": record({"status": {"enum": ["ok", "read-only"]}, "why": text()}, "why"),
    "Document": {"type": "object"},
}


def _in_path(name: str, schema: JsonObject) -> JsonObject:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str, default: str, said: str) -> JsonObject:
    schema = text(enum=["true", "false"], default=default)
    return {"name": name, "in": "query", "description": said, "schema": schema}


COMPONENTS: Final[JsonObject] = {
    "schemas": _SCHEMAS,
    "parameters": {
        "workspace": _in_path("workspace", text(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")),
        "key_id": _in_path("key_id", text(pattern="^[A-Za-z0-9]+$")),
        "session": _in_path("session", text(pattern="^[A-Za-z0-9-]{8,64}$")),
        "token": _in_path("token", text(pattern="^[A-Za-z0-9_]+$")),
        "seq": _in_path("seq", integer(minimum=0)),
        "wait": _in_query("wait", "true", "false: answer 202 at once with the place of the receipt"),
        "includeDisabled": _in_query("includeDisabled", "false", "List disabled keys too"),
        "includeFolders": _in_query("includeFolders", "false", "Say which folders keys are kept to"),
    },
    "responses": {
        "Refused": {"description": "Refused; the text says why", "content": {JSON: {"schema": of("Error")}}},
    },
    "securitySchemes": {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key"},
        "keyInQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
        "validator": {"type": "http", "scheme": "bearer", "description": "A validator token"},
        "session": {"type": "apiKey", "in": "cookie", "name": "rf_session", "description": "`__Host-` over https"},
    },
}
