"""How schemas of the OpenAPI document are written down. Pure.

A schema lists what an answer holds and allows nothing else, so that a test that compares real answers finds what was
forgotten here.
"""

from collections.abc import Mapping

__all__ = ["JsonObject", "array", "either", "integer", "number", "of", "record", "refs", "text"]

JsonObject = dict[str, object]


def of(name: str) -> JsonObject:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def refs(kind: str, names: str) -> list[JsonObject]:
    """Return references to components of a kind, named with blanks between."""
    return [{"$ref": f"#/components/{kind}/{name}"} for name in names.split()]


def record(members: Mapping[str, object], optional: str = "", **more: object) -> JsonObject:
    """Return the schema of an object with these members and no others, all there but the optional ones."""
    needed = [name for name in members if name not in optional.split()]
    required: JsonObject = {"required": needed} if needed else {}
    return {"type": "object", "properties": dict(members), **required, "additionalProperties": False, **more}


def either(*kinds: str, **more: object) -> JsonObject:
    """Return the schema of one of several types."""
    return {"type": list(kinds), **more}


def text(said: str = "", **more: object) -> JsonObject:
    """Return the schema of a text."""
    return {"type": "string", **({"description": said} if said else {}), **more}


def number(said: str = "", **more: object) -> JsonObject:
    """Return the schema of a number."""
    return {"type": "number", **({"description": said} if said else {}), **more}


def integer(said: str = "", **more: object) -> JsonObject:
    """Return the schema of a whole number."""
    return {"type": "integer", **({"description": said} if said else {}), **more}


def array(items: JsonObject, **more: object) -> JsonObject:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}
