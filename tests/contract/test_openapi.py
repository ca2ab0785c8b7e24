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


def places(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return kind, place and name of every scheme that the route names."""
    schemes = document["components"]["securitySchemes"]
    used = [name for each in document["paths"]["/echo"]["get"]["security"] for name in each]
    return {
        (schemes[name]["type"], schemes[name].get("in", schemes[name].get("scheme")), schemes[name].get("name", ""))
        for name in used
    }


DEFAULT = {("http", "bearer", ""), ("apiKey", "header", "X-API-Key"), ("apiKey", "query", "api_key")}


def test_the_default_locations_are_listed() -> None:
    """A guarded route lists bearer, header and query, each of them enough alone."""
    with Validator(CallableIssuer(Keys())) as validator:
        told = document([RequireKey(validator=validator)])
    assert places(told) == DEFAULT
    assert all(len(each) == 1 for each in told["paths"]["/echo"]["get"]["security"])


def test_a_workspace_parameter_lists_them_too() -> None:
    """A route that asks for ``CurrentWorkspace`` shows that it needs a key, and shows no parameter of that name."""
    told = document([], workspace=True)
    assert places(told) == DEFAULT
    assert "parameters" not in told["paths"]["/echo"]["get"]
    assert "requestBody" not in told["paths"]["/echo"]["get"]


@pytest.mark.parametrize(
    ("locations", "listed"),
    [
        (["bearer"], {("http", "bearer", "")}),
        (["header:X-Token", "query:t"], {("apiKey", "header", "X-Token"), ("apiKey", "query", "t")}),
        (["cookie:session"], {("apiKey", "cookie", "session")}),
        (["json:api_key", "bearer"], {("http", "bearer", "")}),
    ],
)
def test_chosen_locations_are_listed(locations: list[str], listed: set[tuple[str, str, str]]) -> None:
    """The document names the locations that are read, as far as OpenAPI has words for them."""
    with Validator(CallableIssuer(Keys())) as validator:
        assert places(document([RequireKey(validator=validator, locations=locations)])) == listed


def test_an_open_route_lists_nothing() -> None:
    """A route without a dependency is shown as open."""
    told = document([])
    assert "security" not in told["paths"]["/echo"]["get"]
