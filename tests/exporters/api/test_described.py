"""What the documents say of the API is what the application has."""

import json
import re
from pathlib import Path

import httpx
import jsonschema
import pytest

from tests.exporters.api.conftest import AnySource
from wayfold.exporters.api.paths import KeepEncodedSlashes

REPOSITORY = Path(__file__).parents[3]
API = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
OPENAPI = json.loads((REPOSITORY / "docs" / "openapi.json").read_text(encoding="utf-8"))


def test_every_path_is_told_of(application: tuple[AnySource, KeepEncodedSlashes]) -> None:
    """docs/api.md has every path for reading, and none that does not exist."""
    described = set(re.findall(r"`GET (/[^`]*)`", API))
    assert described == set(application[1].app.openapi_schema.to_schema()["paths"])


def test_every_filter_is_told_of() -> None:
    """docs/api.md has every parameter of a journey's question."""
    parameters = OPENAPI["paths"]["/v1/journeys/{journey_id}"]["get"]["parameters"]
    for parameter in parameters:
        if parameter["in"] == "query":
            assert f"`{parameter['name']}`" in API, parameter["name"]


def test_every_operation_is_described() -> None:
    """Every operation has a summary, and every parameter a description."""
    for path, operations in OPENAPI["paths"].items():
        for operation in operations.values():
            assert operation.get("summary"), path
            for parameter in operation.get("parameters", ()):
                assert parameter.get("description"), (path, parameter["name"])


@pytest.mark.parametrize(
    "url",
    [
        "/v1/numbers",
        "/v1/journeys?account=acme",
        "/v1/journeys/welcome?account=acme&channel=email",
        "/v1/journeys/welcome/steps?account=acme",
        "/v1/accounts/acme",
        "/v1/journeys/welcome/series?account=acme&from=2026-11-01&to=2026-11-03",
        "/v1/series?account=acme&number=sent.messages&from=2026-11-01&to=2026-11-03",
        "/v1/journeys/welcome/users?account=acme&number=entered_users",
        "/v1/journeys/nope",
        "/v1/verdicts",
        "/v1/catalogue",
    ],
)
async def test_answers_are_valid_by_the_openapi_document(client: httpx.AsyncClient, url: str) -> None:
    """What is answered validates against the schema that the OpenAPI document gives for it."""
    response = await client.get(url)
    path = re.sub(r"/v1/journeys/(welcome|nope)", "/v1/journeys/{journey_id}", url.partition("?")[0])
    path = path.replace("/v1/accounts/acme", "/v1/accounts/{account_id}")
    (content,) = OPENAPI["paths"][path]["get"]["responses"][str(response.status_code)]["content"].items()
    assert response.headers["content-type"] == content[0]
    jsonschema.validate(response.json(), {**content[1]["schema"], "components": OPENAPI["components"]})
