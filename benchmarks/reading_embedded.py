"""A journey read over HTTP from `wayfold run`, while it takes in and folds 10,000 events a second."""

import urllib.request

from benchmarks.cluster import answers, running
from benchmarks.context import Context, Figures
from benchmarks.reading import read_under_load
from benchmarks.traffic import definition_records
from local_services.process import HOST, free_port


def measure(context: Context) -> Figures:
    """Measure in the embedded host, which does everything in one process."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    data = str(context.path / "data")
    with running(context, "bench", "run", "--port", str(port), "--data", data) as host:
        host.wait_for(lambda: answers(f"{url}/readyz"), "the host to be ready")
        events = b"\n".join(record.value or b"" for record in definition_records())
        request = urllib.request.Request(
            f"{url}/v1/events", data=events, headers={"content-type": "application/x-ndjson"}
        )
        with urllib.request.urlopen(request, timeout=10):
            pass
        return read_under_load(context, url, port, host.check)
