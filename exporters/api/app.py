"""The application that answers over HTTP; the embedded host and `wayfold serve` run the same one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from wayfold import __version__
from wayfold.exporters.api import accounts, freshness, health, journeys, series, users, verdicts
from wayfold.exporters.api.compression import CompressLarge
from wayfold.exporters.api.conditional import TagAnswers, TaggedSource
from wayfold.exporters.api.filters import asking
from wayfold.exporters.api.given import DEFAULT_LIMITS, Limits, MetricsPage
from wayfold.exporters.api.paths import KeepEncodedSlashes
from wayfold.exporters.api.problems import EXCEPTION_HANDLERS
from wayfold.exporters.api.source import NumbersSource

READING: Final = (
    journeys.get_numbers,
    journeys.list_journeys,
    journeys.get_journey,
    journeys.list_steps,
    journeys.get_step,
    accounts.list_accounts,
    journeys.get_account,
    freshness.get_freshness,
    series.get_series,
    users.list_users,
    verdicts.get_verdicts,
    health.healthz,
    health.readyz,
    health.metrics,
)

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_app(
    source: NumbersSource,
    metrics_page: MetricsPage,
    *,
    routes: Sequence[ControllerRouterHandler] = (),
    lifespan: Sequence[Lifespan] = (),
    limits: Limits = DEFAULT_LIMITS,
    max_body_bytes: int = 16 * 1024 * 1024,
) -> KeepEncodedSlashes:
    """Build the ASGI application that reads from `source`.

    `routes` are further handlers (the embedded host adds ingest), `lifespan` what runs from start to
    stop of the server, `max_body_bytes` the limit of a request's body.
    """

    def tagged_source(request: Request[Any, Any, Any]) -> TaggedSource:
        return TaggedSource(source, request)

    app = Litestar(
        route_handlers=[*READING, *routes],
        dependencies={
            "question": Provide(asking(source, limits), sync_to_thread=False),
            "source": Provide(tagged_source, sync_to_thread=False),
            "live_source": Provide(lambda: source, sync_to_thread=False),
            "metrics_page": Provide(lambda: metrics_page, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        middleware=[CompressLarge, TagAnswers],
        lifespan=list(lifespan),
        request_max_body_size=max_body_bytes,
        openapi_config=OpenAPIConfig(
            title="Wayfold",
            version=__version__,
            summary="Exact, always fresh numbers from the events of customer journeys.",
            description=(
                "Every answer says how fresh it is. Errors are application/problem+json. Ids stand "
                "percent-encoded in paths, a slash as %2F."
            ),
            path="/schema",
            render_plugins=[
                JsonRenderPlugin(path=["/", "/openapi.json"]),
                YamlRenderPlugin(path=["/openapi.yaml"]),
            ],
            use_handler_docstrings=True,
        ),
        state=State({"source": source}),
        logging_config=None,
    )
    _leave_out_random_examples(app)
    return KeepEncodedSlashes(app)


def _leave_out_random_examples(app: Litestar) -> None:
    """Keep the framework from inventing examples of answers, other ones each time."""
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            for answer in (handler.responses or {}).values():
                answer.generate_examples = False
