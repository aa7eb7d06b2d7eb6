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


def read_known(url: str, parameters: Mapping[str, str | int | None]) -> dict[str, Any]:
    """Read the numbers document of an account, journey, version and step that there are.

    Raises HostError when one of them does not exist, and as `read_numbers` does.
    """
    document = read_numbers(url, parameters)
    named = {name: parameters.get(name) for name in ("account", "journey", "version", "step")}
    if all(value is None for value in named.values()):
        return document
    try:
        _require_known(document, **named)
    except HostError:
        # What no definition names is only known from events, which the other filters may leave out.
        whole = read_numbers(url, {name: named[name] for name in ("account", "journey")})
        _require_known(whole, **named)
    return document


def _require_known(
    whole: Mapping[str, Any],
    account: str | int | None,
    journey: str | int | None,
    version: str | int | None,
    step: str | int | None,
) -> None:
    if journey is None and account is not None and not whole["accounts"] and not whole["journeys"]:
        raise HostError(f"there are no events of account {account!r}; `wayfold show` lists all accounts")
    if journey is not None and not whole["journeys"]:
        of_account = "" if account is None else f" in account {account!r}"
        raise HostError(f"there is no journey {journey!r}{of_account}; `wayfold show` lists those there are")
    versions = [each for found in whole["journeys"] for each in found["versions"]]
    lacks = "no journey has" if journey is None else f"journey {journey!r} has no"
    of_version = ""
    if version is not None:
        versions = [each for each in versions if each["journey_version"] == version]
        of_version = f" in version {version}"
        if not versions:
            raise HostError(f"{lacks} version {version}; leave it out to see all")
    if step is not None and not any(step == each["step_id"] for found in versions for each in found["steps"]):
        raise HostError(f"{lacks} step {step!r}{of_version}; leave it out to see all")


def _detail(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the host answered {error.code} {error.reason}; see that --url is a Wayfold host"
