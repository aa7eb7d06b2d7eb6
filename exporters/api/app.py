"""The application that answers over HTTP; the embedded host and `wayfold serve` run the same one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Server
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from wayfold import __version__
from wayfold.exporters.api import accounts, catalogue, counts, health, journeys, series, users, verdicts
from wayfold.exporters.api.compression import CompressLarge
from wayfold.exporters.api.conditional import answer_unchanged, send_tag
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
    journeys.get_account,
    accounts.list_accounts,
    accounts.get_freshness,
    series.get_series,
    counts.get_counts,
    users.list_users,
    verdicts.get_verdicts,
    catalogue.get_catalogue,
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
    path_prefix: str = "",
) -> KeepEncodedSlashes:
    """Build the ASGI application that reads from `source`.

    `routes` are further handlers (the hosts add ingest and the page), `lifespan` what runs from start to
    stop of the server, `max_body_bytes` the limit of a request's body. `path_prefix` is what the addresses
    of all paths begin with for clients; requests are answered with it and without it.
    """
    app = Litestar(
        route_handlers=[*READING, *routes],
        dependencies={
            "question": Provide(asking(source, limits), sync_to_thread=False),
            "source": Provide(lambda: source, sync_to_thread=False),
            "metrics_page": Provide(lambda: metrics_page, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        before_request=answer_unchanged,
        before_send=[send_tag],
        middleware=[CompressLarge],
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
            servers=[Server(url=path_prefix or "/")],
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
    return KeepEncodedSlashes(app, path_prefix)


def _leave_out_random_examples(app: Litestar) -> None:
    """Keep the framework from inventing examples of answers, other ones each time."""
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            for answer in (handler.responses or {}).values():
                answer.generate_examples = False
