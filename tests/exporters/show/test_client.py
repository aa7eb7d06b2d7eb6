"""`wayfold show` says clearly why it cannot show anything."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from wayfold.exporters.api.server import listen
from wayfold.exporters.show.client import HostError, read_known, read_numbers

ONE_JOURNEY = (
    b'{"accounts": [], "journeys": [{"versions": [{"journey_version": 1, "steps": [{"step_id": "a"}]}]}]}'
)


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what its path asks for."""

    bodies: ClassVar = {
        "/page/v1/numbers": (200, b"<html>"),
        "/other/v1/numbers": (200, b"[]"),
        "/problem/v1/numbers": (503, b'{"detail": "no worker has partition 3"}'),
        "/broken/v1/numbers": (502, b"bad gateway"),
        "/good/v1/numbers": (200, b'{"journeys": []}'),
        "/empty/v1/numbers": (200, b'{"journeys": [], "accounts": []}'),
        "/one/v1/numbers": (
            200,
            ONE_JOURNEY,
        ),
    }

    def do_GET(self) -> None:
        status, body = self.bodies[self.path.partition("?")[0]]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("page", "is no Wayfold host"),
        ("other", "is no Wayfold host"),
        ("problem", "no worker has partition 3"),
        ("broken", "the host answered 502"),
    ],
)
def test_what_the_host_says_is_told(url: str, path: str, message: str) -> None:
    """A problem is told with its detail, and what is no Wayfold host is called that."""
    with pytest.raises(HostError, match=message):
        read_numbers(f"{url}/{path}", {})


@pytest.mark.parametrize(
    ("path", "asked", "message"),
    [
        ("empty", {"account": "nope"}, "there are no events of account 'nope'"),
        ("empty", {"journey": "nope"}, "there is no journey 'nope'; "),
        ("empty", {"journey": "nope", "account": "acme"}, "no journey 'nope' in account 'acme'"),
        ("one", {"journey": "welcome", "version": 5}, "journey 'welcome' has no version 5"),
        ("one", {"version": 5}, "no journey has version 5"),
        ("one", {"journey": "welcome", "step": "b"}, "journey 'welcome' has no step 'b'"),
        ("one", {"journey": "welcome", "step": "b", "version": 1}, "no step 'b' in version 1"),
    ],
)
def test_what_does_not_exist_is_not_shown_as_zeros(
    url: str, path: str, asked: dict[str, str | int | None], message: str
) -> None:
    """An account, journey, version or step that nobody knows is refused by name."""
    with pytest.raises(HostError, match=message):
        read_known(f"{url}/{path}", asked)


def test_what_exists_is_shown(url: str) -> None:
    """Known names, and filters that name nothing, give the host's document."""
    asked: dict[str, str | int | None] = {"journey": "welcome", "version": 1, "step": "a", "channel": "sms"}
    assert read_known(f"{url}/one", asked)["journeys"]
    assert read_known(f"{url}/empty", {"channel": "sms"})["journeys"] == []


def test_parameters_that_are_not_given_are_left_out(url: str) -> None:
    """A host that answers gives its document."""
    assert read_numbers(f"{url}/good/", {"version": 1, "channel": None}) == {"journeys": []}


def test_nothing_answers() -> None:
    """Without a host the message names the address and how to start one."""
    taken = listen("127.0.0.1", 0, "http")
    address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    taken.close()
    with pytest.raises(HostError, match=f"nothing answers at {address} .*wayfold run"):
        read_numbers(address, {})


def test_no_address() -> None:
    """Something that is no http address is refused with what to write."""
    with pytest.raises(HostError, match="write --url http://host:port"):
        read_numbers("localhost", {})
