"""Schemas of the OpenAPI document about logins. Data."""

from typing import Final

from rf_middleware.issuer.openapi_shapes import JsonObject, either, integer, record, text

__all__ = ["LOGIN_SCHEMAS"]

_KEY_MADE: Final = record({"url": text("The slug"), "name": text(), "apiKey": text("The key")})
_KEYS_MADE: Final[JsonObject] = {"type": "object", "minProperties": 1, "additionalProperties": _KEY_MADE}

LOGIN_SCHEMAS: Final[JsonObject] = {
    "DeviceForm": record(
        {
            "client_id": text(pattern="^[ -~]{1,100}$"),
            "device_name": text("What the page calls it", maxLength=150),
            "workspace": text("The slug of the one that is wanted", pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"),
        },
        "device_name workspace",
        additionalProperties={},
    ),
    "DeviceAsked": record(
        {
            "device_code": text(),
            "user_code": text(pattern="^[A-Z0-9]{4}-[A-Z0-9]{4}$"),
            "verification_uri": text(format="uri"),
            "verification_uri_complete": text(format="uri"),
            "expires_in": integer(),
            "interval": integer("Seconds between two polls at least"),
        }
    ),
    "DeviceTokenForm": record(
        {
            "grant_type": {"const": "urn:ietf:params:oauth:grant-type:device_code"},
            "client_id": text(pattern="^[ -~]{1,100}$"),
            "device_code": text(minLength=1),
        },
        additionalProperties={},
    ),
    "Tokens": record(
        {
            "access_token": text("The key for the first workspace"),
            "token_type": {"const": "Bearer"},
            "scope": text("Of that key: names with blanks between; * is every scope"),
            "workspace": text("The slug of the first workspace"),
            "workspaces": _KEYS_MADE,
        }
    ),
    "Pasted": either("object", "null", additionalProperties=_KEY_MADE),
}
