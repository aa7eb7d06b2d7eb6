"""Errors are problem+json that name what is wrong and what to do."""

from typing import Any

import httpx
import pytest

from tests.exporters.traffic import OracleSource
from wayfold.exporters.api import answers
from wayfold.state.reading.query import Query

WELCOME = "/v1/journeys/welcome"


async def problem(client: httpx.AsyncClient, url: str, status: int) -> Any:
    response = await client.get(url)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    content = response.json()
    assert content["status"] == status
    return content


@pytest.mark.parametrize(
    ("url", "kind", "detail"),
    [
        ("/v1/journeys/nope?account=acme", "unknown-journey", "'nope'"),
        ("/v1/journeys/welcome", "unknown-journey", "account 'default' has no journey 'welcome'"),
        (f"{WELCOME}?account=acme&version=9", "unknown-version", "no version 9"),
        (f"{WELCOME}/steps/nope?account=acme", "unknown-step", "no step 'nope'"),
        (f"{WELCOME}?account=acme&step=nope", "unknown-step", "journey 'welcome' has no step 'nope'"),
        (f"{WELCOME}/steps?account=acme&step=nope", "unknown-step", "no step 'nope'"),
        (
            f"{WELCOME}?account=acme&step=nope&version=2",
            "unknown-step",
            "version 2 of journey 'welcome' has no",
        ),
        (
            f"{WELCOME}/series?account=acme&step=nope&from=2026-11-01&to=2026-11-03",
            "unknown-step",
            "no step 'nope'",
        ),
        ("/v1/accounts/nope", "unknown-account", "'nope'"),
        ("/v2/journeys", "unknown-path", "/schema"),
    ],
)
async def test_what_does_not_exist(client: httpx.AsyncClient, url: str, kind: str, detail: str) -> None:
    """A journey, version, step, account or path that does not exist is a 404 that says which."""
    content = await problem(client, url, 404)
    assert content["type"] == f"urn:wayfold:problem:{kind}"
    assert detail in content["detail"]


@pytest.mark.parametrize(
    ("query", "parameter", "fix"),
    [
        ("version=x", "version", "whole number from 1 up"),
        ("version=0", "version", "whole number from 1 up"),
        ("channel=E-Mail", "channel", "lower-case word such as email"),
        ("platform=pc", "platform", "ios, android, web or none"),
        ("clock=wall", "clock", "event"),
        ("from=yesterday", "from", "local date (2026-11-01)"),
        ("to=2026-02-30", "to", "no date of the calendar"),
        ("from=2026-11-02T10:00&to=2026-11-02T09:00", "to", "is before from"),
        ("form=2026-11-01", "form", "there is no such parameter here; use one of account, channel"),
        ("account=", "account", "Account whose journeys these are"),
        ("version=1&version=2", "version", "is given 2 times"),
        ("account=acme&version=1&account=acme", "account", "give it once"),
    ],
)
async def test_wrong_filters(client: httpx.AsyncClient, query: str, parameter: str, fix: str) -> None:
    """A filter that is wrong, or misspelt, is a 400 that names it and says what it takes."""
    content = await problem(client, f"{WELCOME}?{query}", 400)
    assert content["parameter"] == parameter
    assert content["detail"].startswith(f"{parameter}: ")
    assert fix in content["detail"]


@pytest.mark.parametrize(
    ("url", "parameter", "fix"),
    [
        (f"{WELCOME}/series?account=acme", "from", "is required"),
        (f"{WELCOME}/series?account=acme&from=2026-11-01", "to", "is required"),
        (f"{WELCOME}/series?from=2020-01-01&to=2026-01-01&bucket=hour", "bucket", "more than 100 buckets"),
        (
            f"{WELCOME}/series?from=2020-01-01&to=2026-01-01&bucket=year",
            "bucket",
            "hour, day, week (from Monday) or month",
        ),
        ("/v1/series?number=entered_users&from=2026-11-01&to=2026-11-03", "number", "total_entries, active_"),
        ("/v1/series?from=2026-11-01&to=2026-11-03", "number", "is required"),
        ("/v1/series?number=total_entries&from=2026-11-01", "to", "is required"),
        ("/v1/series?number=total_entries&from=2026-11-01&to=2026-11-01", "to", "no time between"),
        ("/v1/series?number=total_entries&from=2026-11-01&to=2026-11-03&step=mail", "step", "does not apply"),
        ("/v1/series?number=sent.events&from=2020-01-01&to=2026-01-01", "bucket", "more than 100 buckets"),
        (f"{WELCOME}/users?account=acme", "number", "is required"),
        (f"{WELCOME}/users?account=acme&number=luck", "number", "'luck'"),
        (f"{WELCOME}/users?account=acme&number=entered_users&limit=51", "limit", "at most 50"),
        (f"{WELCOME}/users?account=acme&number=entered_users&cursor=%C3%A4", "cursor", "next_cursor"),
        (f"{WELCOME}/steps/mail?account=acme&step=end", "step", "the path names the step"),
        ("/v1/accounts/acme?version=1", "version", "no such parameter here"),
        ("/v1/accounts/acme?channel=sms&channel=email", "channel", "is given 2 times"),
        ("/v1/numbers?account=acme&account=default", "account", "is given 2 times"),
    ],
)
async def test_wrong_parameters(client: httpx.AsyncClient, url: str, parameter: str, fix: str) -> None:
    """Parameters of one endpoint are checked like the filters."""
    content = await problem(client, url, 400)
    assert content["parameter"] == parameter
    assert fix in content["detail"]


async def test_numbers_that_cannot_be_had(client: httpx.AsyncClient, source: OracleSource) -> None:
    """When a part of the numbers cannot be reached the answer is 503 with the reason, never a partial sum."""
    source.available = False
    content = await problem(client, "/v1/journeys", 503)
    assert content["detail"] == "no worker has partition 3; start one more worker"


async def test_a_failure_tells_nothing_of_the_inside(
    client: httpx.AsyncClient, source: OracleSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is a 500 without its cause, which may hold what a reader must not see."""

    async def fail(query: Query) -> Any:
        raise RuntimeError("password is hunter2")

    monkeypatch.setattr(source, "document", fail)
    content = await problem(client, "/v1/journeys", 500)
    assert "hunter2" not in str(content)


async def test_another_method_is_refused(client: httpx.AsyncClient) -> None:
    """A method that a path does not have is a 405 problem that lists those it has."""
    response = await client.post("/v1/journeys")
    assert response.status_code == 405
    assert response.headers["content-type"] == "application/problem+json"
    assert "GET" in response.headers["allow"]


async def test_health_and_readiness(client: httpx.AsyncClient, source: OracleSource) -> None:
    """The process is healthy while it runs, and ready only while it can answer, with the reasons if not."""
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).json() == {"status": "ready", "reasons": []}
    source.available = False
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reasons": ["no worker has partition 3"]}
    assert (await client.get("/healthz")).status_code == 200


def test_problem_is_what_the_api_documents() -> None:
    """The problem type has the members of RFC 9457."""
    assert {"type", "title", "status", "detail"} <= set(answers.Problem.__struct_fields__)
