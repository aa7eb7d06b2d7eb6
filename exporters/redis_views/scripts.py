"""The Lua scripts that run inside Redis, with the constants of the numbers filled in."""

import hashlib
import json
from importlib.resources import files
from typing import Final

from wayfold.exporters.redis_views import fields
from wayfold.state.cells.dwell import GAMMA

FORM: Final = 2
"""Of what the scripts keep. Goes up when older workers would spoil it; each drops what the other wrote."""


class Script:
    """A script and the SHA-1 under which Redis knows it once it has run."""

    def __init__(self, name: str, **constants: str) -> None:
        text = _source(name)
        for constant, value in constants.items():
            text = text.replace(f"@{constant}@", value)
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _source(name: str) -> str:
    """A Lua file of this folder."""
    return files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")


def _starts() -> str:
    """What a new hash of each kind starts with, in the order in which HGETALL shows it."""
    starts = {kind: list(fields.plain_fields(kind).items()) for kind in fields.VIEWS if kind != "version"}
    return json.dumps({**starts, "dwell": [["count", "0"]]})


def _ratios() -> str:
    """The ratios of each kind of view: {kind: {field: [over, under]}}."""
    return json.dumps(
        {
            kind: {name: parts for name, parts in fields.RATIOS.items() if name in fields.plain_fields(kind)}
            for kind in ("journey", "step")
        }
    )


PUSH: Final = Script(
    "push",
    MONEY=_source("money"),
    GAMMA=repr(GAMMA),
    STARTS=_starts(),
    RATIOS=_ratios(),
    PERCENTILES=json.dumps(list(fields.PERCENTILES.items())),
)
SWAP: Final = Script("swap")
WATERMARK: Final = Script("watermark")
DROP: Final = Script("drop")
CLAIM: Final = Script("claim")
