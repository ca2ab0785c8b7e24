"""The OpenAPI document: it has every route for programs and no other, and a real issuer answers as it says."""

import time
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.device import LASTS, Device
from rf_middleware.issuer.device_codes import device_code
from rf_middleware.issuer.keys import new_id
from rf_middleware.issuer.metadata import DEVICE_GRANT
from rf_middleware.issuer.openapi import OPERATIONS, document
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, Rig, running
from tests.issuer.test_serve import Served, printed, served

HERE = "http://127.0.0.1:1"
CHECKED = (
    "not_a_server_error status_code_conformance content_type_conformance response_headers_conformance"
    " response_schema_conformance unsupported_method allow_header_conformance ignored_auth"
)
CHECKS: list[Any] = [getattr(import_module("schemathesis.checks"), name) for name in CHECKED.split()]
EACH = [(method.upper(), path) for path, here in OPERATIONS.items() for method in here]
SCHEMA: Any = schemathesis.openapi.from_dict(document(HERE))
LIMITS = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@running
async def test_the_document_has_the_routes_of_the_app(rig: Rig) -> None:
    """Every route and method is described unless it says that it is none for programs, and nothing else is."""
    app: Any = build_app(rig.parts)
    routes = [each for each in app._app.routes if isinstance(each, Route) and each.include_in_schema]
    there = {
        (method, route.path.replace(":int}", "}")) for route in routes for method in (route.methods or set()) - {"HEAD"}
    }
    assert there == set(EACH)


@running
async def test_the_document_is_served_to_anybody(rig: Rig) -> None:
    """It names the address it was asked at, and every reference in it leads somewhere."""
    found = (await rig.http.get("/openapi.json")).json()
    assert found == document("http://issuer.test:8080")
    for reference in references(found):
        target: Any = found
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert isinstance(target, dict)


def references(node: object) -> Generator[str]:
    """Yield every reference in a document."""
    if isinstance(node, dict):
        for name, value in cast("dict[str, object]", node).items():
            if name == "$ref":
                yield str(value)
            yield from references(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from references(value)


def modes(method: str, path: str) -> list[GenerationMode]:
    """Return what can be sent: something wrong only where something is taken."""
    operation = OPERATIONS[path][method.lower()]
    takes = operation.who or operation.parameters or operation.body
    return list(GenerationMode) if takes else [GenerationMode.POSITIVE]


class Described:
    """A running issuer, and what the requests to it need."""

    def __init__(self, issuer: Served, database: Path) -> None:
        where = ("--database", str(database))
        self.issuer, self.database = issuer, database
        self.key = printed("workspace", "create", "acme", *where)["key"]
        self.token = printed("token", "create", *where)["token"]

    def made(self) -> str:
        """Create a key that requests may do anything to; return its id."""
        return str(self.issuer.call("POST", "/acme/api-keys", self.key).json()["keyId"])

    def allowed(self) -> dict[str, str]:
        """Have somebody allow a login; return the form that fetches its key."""
        opened = Database(self.database)
        try:
            store, code = Store(opened), device_code()
            person = store.person("ann@example.com")
            if person is None:
                person = new_person("ann@example.com", "", None, admin=True)
                store.create_person(person, BY)
            login, now = new_id(), time.time()
            device = Device(login, "a client", "", "", "", "", now, now + LASTS)
            store.ask_login(device, (fingerprint(code.encode()), fingerprint(login.encode())), BY)
            store.decide_login(login, person, tuple(each.id for each in store.list_workspaces()), BY)
        finally:
            opened.close()
        return {"grant_type": DEVICE_GRANT, "client_id": "a client", "device_code": code}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Generator[Described]:
    """Run one issuer for all of these."""
    database = tmp_path_factory.mktemp("openapi") / "issuer.db"
    with served(database, lease=0.1) as issuer:
        yield Described(issuer, database)


@pytest.mark.parametrize(
    ("method", "path", "mode"), [(*each, mode) for mode in GenerationMode for each in EACH if mode in modes(*each)]
)
def test_the_issuer_answers_as_the_document_says(
    method: str, path: str, mode: GenerationMode, described: Described
) -> None:
    """Whatever is sent, good or not, is answered by a status, a type and a body that the document has, and no 5xx."""
    operation = SCHEMA[path][method]
    statuses: set[int] = set()

    @LIMITS
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if "workspace" in case.path_parameters:
            case.path_parameters["workspace"] = "acme"
        if "key_id" in case.path_parameters:
            case.path_parameters["key_id"] = described.made()
        if path == "/feed" and hasattr(case.body, "keys") and "wait" in case.body:
            case.body["wait"] = 0  # nobody here waits for an event
        if path == "/token" and mode is GenerationMode.POSITIVE:
            case.body = described.allowed()
        secret = described.token if "validator" in OPERATIONS[path][method.lower()].who else described.key
        answer = case.call(
            base_url=described.issuer.url, headers={"Authorization": f"Bearer {secret}"}, params={"api_key": None}
        )
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)

    ask()
    assert statuses
    if mode is GenerationMode.POSITIVE:
        assert statuses & set(OPERATIONS[path][method.lower()].answers), statuses
