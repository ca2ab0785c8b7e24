"""What FastAPI tells about the protection, so that "Authorize" works in its pages."""

from typing import Any

import pytest
from fastapi import FastAPI

from rf_middleware import CallableIssuer, Validator
from rf_middleware.fastapi import CurrentWorkspace, RequireKey
from tests.contract.issuing import Keys


def document(dependencies: list[Any], *, workspace: bool = False) -> dict[str, Any]:
    """Return the OpenAPI document of an app with one route."""
    app = FastAPI()

    def plain() -> str:
        return ""

    def with_workspace(workspace: CurrentWorkspace) -> str:
        return workspace.slug

    app.get("/echo", dependencies=dependencies)(with_workspace if workspace else plain)
    return app.openapi()


def scheme(document: dict[str, Any]) -> dict[str, Any]:
    """Return the one scheme that the route names."""
    [[name]] = document["paths"]["/echo"]["get"]["security"]
    found: dict[str, Any] = document["components"]["securitySchemes"][name]
    return found


BEARER = {"type": "http", "scheme": "bearer"}
OTHERS = "An API key. It may also be given as header X-API-Key or as query parameter api_key."


def test_the_default_locations_are_told() -> None:
    """A guarded route lists Bearer, which "Authorize" takes, and says in words where else a key may be."""
    with Validator(CallableIssuer(Keys())) as validator:
        told = document([RequireKey(validator=validator)])
    assert scheme(told) == {**BEARER, "description": OTHERS}


def test_a_workspace_parameter_tells_them_too() -> None:
    """A route that asks for ``CurrentWorkspace`` shows that it needs a key, and shows no parameter of that name."""
    told = document([], workspace=True)
    assert scheme(told) == {**BEARER, "description": OTHERS}
    assert "parameters" not in told["paths"]["/echo"]["get"]
    assert "requestBody" not in told["paths"]["/echo"]["get"]


def test_a_requirement_and_a_workspace_are_one_scheme() -> None:
    """Where both stand at a route, the key is told once."""
    with Validator(CallableIssuer(Keys())) as validator:
        told = document([RequireKey(validator=validator)], workspace=True)
    assert scheme(told)["description"] == OTHERS


@pytest.mark.parametrize(
    ("locations", "told"),
    [
        (["bearer"], {**BEARER, "description": "An API key."}),
        (
            ["header:X-Token", "query:t", "bearer"],
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-Token",
                "description": "An API key. It may also be given as query parameter t or as Bearer token.",
            },
        ),
        (["cookie:session"], {"type": "apiKey", "in": "cookie", "name": "session", "description": "An API key."}),
        (["json:api_key", "bearer"], {**BEARER, "description": "An API key."}),
    ],
)
def test_chosen_locations_are_told(locations: list[str], told: dict[str, str]) -> None:
    """The document names the locations that are read, as far as OpenAPI has words for them."""
    with Validator(CallableIssuer(Keys())) as validator:
        assert scheme(document([RequireKey(validator=validator, locations=locations)])) == told


def test_different_locations_are_different_schemes() -> None:
    """Two routes that read keys elsewhere are told apart: a name of a scheme means one set of locations."""
    app = FastAPI()

    def plain() -> str:
        return ""

    with Validator(CallableIssuer(Keys())) as validator:
        for rank, locations in enumerate((["bearer"], ["bearer", "cookie:c"], ["query:t"], ["header:t"])):
            app.get(f"/{rank}", dependencies=[RequireKey(validator=validator, locations=locations)])(plain)
        app.get("/default", dependencies=[RequireKey(validator=validator)])(plain)
    assert list(app.openapi()["components"]["securitySchemes"]) == [
        "APIKeyBearer",
        "APIKeyBearer-or-Cookie-c",
        "APIKeyQuery-t",
        "APIKeyHeader-t",
        "APIKey",
    ]


def test_a_field_of_a_body_is_not_listed() -> None:
    """OpenAPI has no words for a key in a body: such a route needs one all the same, and names no scheme."""
    with Validator(CallableIssuer(Keys())) as validator:
        told = document([RequireKey(validator=validator, locations=["json:api_key"])])
    assert "security" not in told["paths"]["/echo"]["get"]


def test_an_open_route_lists_nothing() -> None:
    """A route without a dependency is shown as open."""
    told = document([])
    assert "security" not in told["paths"]["/echo"]["get"]
