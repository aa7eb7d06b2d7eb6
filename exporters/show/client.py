"""Reads the numbers document of a running host over HTTP."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TIMEOUT_S = 60


class HostError(Exception):
    """The host does not answer, or refuses; the message says why and what to do."""


def read_numbers(url: str, parameters: Mapping[str, str | int | None]) -> dict[str, Any]:
    """Read the numbers document from the host at `url`; parameters that are None are left out.

    Raises HostError.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    address = f"{url.rstrip('/')}/v1/numbers" + (f"?{urlencode(given)}" if given else "")
    if not address.startswith(("http://", "https://")):
        raise HostError(f"{url} is no address of a host; write --url http://host:port")
    try:
        with urlopen(Request(address, headers={"accept": "application/json"}), timeout=TIMEOUT_S) as answer:  # noqa: S310
            document: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        raise HostError(_detail(error)) from None
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise HostError(
            f"nothing answers at {url} ({reason}); start a host with `wayfold run`, or name yours with --url"
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise HostError(f"what answers at {url} is no Wayfold host ({error}); correct --url") from None
    if not isinstance(document, dict) or "journeys" not in document:
        raise HostError(f"what answers at {url} is no Wayfold host; correct --url")
    return document


def _detail(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the host answered {error.code} {error.reason}; see that --url is a Wayfold host"
