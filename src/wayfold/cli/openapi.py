"""docs/openapi.json: the API of the embedded host, which is that of `wayfold serve` and the ingest."""

import json
from typing import Any, cast

from litestar.serialization import encode_json

from wayfold.agents.embedded.letters_http import letters_router
from wayfold.agents.embedded.watches_http import watches_router
from wayfold.agents.ingest.http import ingest_router
from wayfold.exporters.api.app import create_app
from wayfold.exporters.show.letters import read_lines


def openapi_json() -> str:
    """Write the OpenAPI document of the application; nothing is opened for it."""
    nothing = cast("Any", None)
    app = create_app(
        nothing,
        nothing,
        routes=[
            ingest_router(nothing),
            letters_router(nothing, nothing, read_lines, nothing),
            watches_router(nothing),
        ],
    )
    schema = app.app.openapi_schema.to_schema()
    return json.dumps(json.loads(encode_json(schema)), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
