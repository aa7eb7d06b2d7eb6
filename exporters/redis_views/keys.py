"""Names of the keys in Redis: how ids become parts of keys, and which keys belong to a journey.

All keys of a journey share the hash tag `{account/journey}`, so that a Redis Cluster keeps them in one
slot and one script may touch them together. An id is written as JavaScript's `encodeURIComponent`
writes it: letters, digits and ``-_.!~*'()`` stay, everything else becomes `%XX` of its UTF-8 bytes.
So no id can hold a brace, a slash or a colon, and no two ids give the same key.
"""

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

_UNESCAPED: Final = "!~*'()"
DWELL: Final = ":dwell"
"""What the encoded name of a step's view ends with when it is the histogram beside it."""
HISTOGRAM: Final = "dwell:"
"""What the name that a partition gives such a view begins with."""


class JourneyName(NamedTuple):
    """A journey of an account; the journey id "" stands for the account's own numbers."""

    account_id: str
    journey_id: str


class StepName(NamedTuple):
    """A step of a journey version."""

    version: int
    step_id: str


def encode_id(text: str) -> str:
    """Write an id as a part of a key, as JavaScript's `encodeURIComponent` does."""
    return quote(text, safe=_UNESCAPED)


def decode_id(text: str) -> str:
    """Read an id back from a part of a key."""
    return unquote(text, errors="strict")


@lru_cache(maxsize=65_536)
def encode_view(view: str) -> str:
    """Write the name of a view as a part of a key: `step:2:ask/me` becomes `step:2:ask%2Fme`.

    The histogram of a step, `dwell:2:ask/me`, stands beside it: `step:2:ask%2Fme:dwell`.
    """
    if not view.startswith(("step:", HISTOGRAM)):
        return view
    kind, version, step_id = view.split(":", 2)
    step = f"step:{version}:{encode_id(step_id)}"
    return step if kind == "step" else step + DWELL


def version_of(view: str) -> int | None:
    """The version whose numbers a view holds; None for other views."""
    kind, _, rest = view.partition(":")
    return int(rest) if kind == "version" else None


def step_of(view: str) -> StepName | None:
    """The step whose numbers an encoded view holds; None for other views and for histograms."""
    if not view.startswith("step:") or view.endswith(DWELL):
        return None
    _, version, step_id = view.split(":", 2)
    return StepName(int(version), decode_id(step_id))


class JourneyKeys:
    """The keys of one journey, or of an account when the journey id is empty."""

    __slots__ = ("base", "fences", "holders", "latest", "metadata", "staging")

    def __init__(self, prefix: str, name: JourneyName) -> None:
        self.base = f"{prefix}:{{{encode_id(name.account_id)}/{encode_id(name.journey_id)}}}"
        self.fences = f"{self.base}:partitions"
        self.holders = f"{self.base}:views"
        self.latest = f"{self.base}:latest"
        self.metadata = f"{self.base}:metadata"
        self.staging = f"{self.base}:staging"

    def view(self, view: str) -> str:
        """The hash with the totals of an encoded view."""
        return f"{self.base}:{view}"

    def state(self, partition: int | str) -> str:
        """The hash with what a partition has pushed, view by view."""
        return f"{self.base}:state:{partition}"


class Keys:
    """All keys under a prefix."""

    __slots__ = ("journeys", "partitions", "prefix", "revisions")

    def __init__(self, prefix: str) -> None:
        if not prefix or "{" in prefix or "}" in prefix:
            raise ValueError(
                f"the prefix {prefix!r} of the Redis keys is empty or holds a brace; choose another"
            )
        self.prefix = prefix
        self.journeys = f"{prefix}:journeys"
        self.partitions = f"{prefix}:partitions"
        self.revisions = f"{prefix}:revisions"

    def watermark(self, account_id: str) -> str:
        """The key of an account's watermark."""
        return f"{self.journey(JourneyName(account_id, '')).base}:watermark"

    def journey(self, name: JourneyName) -> JourneyKeys:
        """The keys of a journey."""
        return JourneyKeys(self.prefix, name)


def index_member(name: JourneyName) -> str:
    """How a journey stands in the set of journeys: `account/journey`, both encoded."""
    return f"{encode_id(name.account_id)}/{encode_id(name.journey_id)}"


def name_of_member(member: str) -> JourneyName:
    """Read a member of the set of journeys."""
    account_id, _, journey_id = member.partition("/")
    return JourneyName(decode_id(account_id), decode_id(journey_id))
