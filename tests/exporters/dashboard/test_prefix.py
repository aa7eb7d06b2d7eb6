"""Page and API behind a reverse proxy that serves them below a path."""

from typing import Any, cast

import pytest
from litestar.routes import BaseRoute

from tests.exporters.dashboard.conftest import Client, no_metrics
from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.internal import partitions_router
from wayfold.exporters.dashboard.built import BuiltPage, File
from wayfold.exporters.dashboard.routes import page_routes
from wayfold.settings import SettingsError, load
from wayfold.settings.model import OWN_PATHS

PREFIX = "/tools/wayfold"


@pytest.mark.parametrize("passed_on", [PREFIX, ""])
async def test_everything_answers_with_the_prefix_and_without(client_of: Client, passed_on: str) -> None:
    """Whether the proxy takes the prefix away or passes it on, page, files and API are the same."""
    client = client_of(PREFIX)
    for path in ("/", "/journeys", "/journeys/a%2Fb/people"):
        answer = await client.get(f"{passed_on}{path}")
        assert answer.status_code == 200
        assert f'<base href="{PREFIX}/">' in answer.text
    assert (await client.get(f"{passed_on}/icon.svg")).content == b"<svg/>"
    assert (await client.get(f"{passed_on}/assets/index-1a2b.js")).status_code == 200
    odd = await client.get(f"{passed_on}/v1/journeys/spring%2Fsale%201")
    plain = await client_of().get("/v1/journeys/spring%2Fsale%201")
    assert odd.json() == plain.json()
    schema = (await client.get(f"{passed_on}/schema")).json()
    assert schema["servers"] == [{"url": PREFIX}]


async def test_the_prefix_alone_is_the_page(client_of: Client) -> None:
    """The address without its last slash answers too, for the base says where everything else is."""
    answer = await client_of(PREFIX).get(PREFIX)
    assert answer.status_code == 200
    assert f'<base href="{PREFIX}/">' in answer.text


async def test_what_only_begins_like_the_prefix_is_another_path(client_of: Client) -> None:
    """A longer first part is not the prefix, and without the setting the prefix is nothing."""
    assert (await client_of(PREFIX).get(f"{PREFIX}v1/journeys")).status_code == 404
    assert (await client_of(PREFIX).get(f"{PREFIX}{PREFIX}/icon.svg")).status_code == 404
    assert (await client_of().get(f"{PREFIX}/icon.svg")).status_code == 404


@pytest.mark.parametrize("prefix", ["", "/wayfold", "/a/b-c/d_e.f~g"])
def test_a_prefix_is_a_path(prefix: str) -> None:
    """A path of plain characters without a slash at its end is taken."""
    assert load({"http.path_prefix": prefix}).settings.http.path_prefix == prefix


@pytest.mark.parametrize(
    "prefix",
    ["/", "wayfold", "/wayfold/", "//a", "/a//b", "/..", "/a/../b", "/.", "/a b", '/a"><b', "/ä", "/a%2Fb"],
)
def test_what_is_no_path_is_refused(prefix: str) -> None:
    """Anything else is refused with the setting's name."""
    with pytest.raises(SettingsError, match=r"http\.path_prefix"):
        load({"http.path_prefix": prefix})


def test_a_prefix_cannot_be_mistaken_for_a_path_of_ours() -> None:
    """A prefix that begins like a path of page or API is refused, and the list of these is complete."""
    page = BuiltPage((b"", b""), {"assets/a.js": File("text/javascript", b"", {}, "1")})
    app = create_app(
        OracleSource(traffic()),
        no_metrics,
        routes=[*page_routes(page, ""), partitions_router(cast("Any", None))],
    )
    assert {first(route) for route in app.app.routes} - {""} == OWN_PATHS
    for name in OWN_PATHS:
        with pytest.raises(SettingsError, match="choose another"):
            load({"http.path_prefix": f"/{name}/wayfold"})


def first(route: BaseRoute) -> str:
    """The first part of a route's path."""
    return route.path.strip("/").partition("/")[0]
