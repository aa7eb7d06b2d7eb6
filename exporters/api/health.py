"""Whether the process lives, whether it can answer, and what it measures of itself."""

from typing import Any

from litestar import Request, Response, get

from wayfold.exporters.api import answers
from wayfold.exporters.api.given import GivenMetricsPage, Source


@get("/healthz", tags=["operation"], summary="The process lives")
async def healthz() -> answers.Health:
    """Answer as long as the process can answer at all."""
    return answers.Health("ok")


@get("/readyz", tags=["operation"], summary="Good answers can be given")
async def readyz(source: Source) -> Response[answers.Health]:
    """Answer 200 when numbers can be read and are caught up with the log, else 503 with the reasons."""
    reasons = await source.unready()
    if reasons:
        return Response(answers.Health("not ready", reasons), status_code=503)
    return Response(answers.Health("ready"))


@get("/metrics", tags=["operation"], summary="Metrics for Prometheus", media_type="text/plain")
async def metrics(request: Request[Any, Any, Any], metrics_page: GivenMetricsPage) -> Response[bytes]:
    """Answer with the metrics that docs/metrics.md lists."""
    page, content_type = await metrics_page(request.headers.get("accept", ""))
    return Response(page, media_type=content_type)
