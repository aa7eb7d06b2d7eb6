"""/metrics shows what its table says, in a format that Prometheus reads, with bounded labels."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.exporters.partitions import fold_all, open_partitions
from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.prometheus.names import GROUPS, Kind
from wayfold.exporters.prometheus.page import MetricsWriter
from wayfold.state.partition import Partition
from wayfold.state.telemetry import Telemetry

NAMES = {name.name: name for names in GROUPS.values() for name in names}


@pytest.fixture
def partitions(tmp_path: Path) -> Iterator[list[Partition]]:
    opened = open_partitions(tmp_path, 2)
    fold_all(opened, traffic())
    yield opened
    for partition in opened:
        partition.close()


@pytest.fixture
def telemetry() -> Telemetry:
    measured = Telemetry()
    measured.fold_seconds.observe(0.004)
    measured.batch_records.observe(400)
    measured.lag_ms[0] = 1500
    measured.lag_records[0] = 12
    measured.publish_failures = 3
    return measured


def writer(telemetry: Telemetry, partitions: list[Partition], limit: int = 10_000) -> MetricsWriter:
    return MetricsWriter(telemetry, lambda: partitions, OracleSource(traffic()), max_label_sets=limit)


async def samples(page: MetricsWriter) -> dict[tuple[str, frozenset[str]], float]:
    """Read the page: (name, label values) → value, our own metrics only."""
    content, _ = await page("text/plain")
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in parse_text(content.decode())
        for sample in family.samples
        if sample.name.startswith("wayfold_")
    }


async def test_engine_numbers(telemetry: Telemetry, partitions: list[Partition]) -> None:
    """Lag, watermark, counters, sizes and times of the engine are there, in base units."""
    found = await samples(writer(telemetry, partitions))
    assert found["wayfold_lag_seconds", frozenset({"0"})] == 1.5
    assert found["wayfold_lag_records", frozenset({"0"})] == 12
    assert found["wayfold_publish_failures_total", frozenset()] == 3
    assert found["wayfold_fold_seconds_bucket", frozenset({"0.005"})] == 1
    assert found["wayfold_fold_seconds_bucket", frozenset({"0.0025"})] == 0
    assert found["wayfold_fold_seconds_sum", frozenset()] == 0.004
    accepted = sum(value for (name, _), value in found.items() if name == "wayfold_accepted_total")
    assert accepted == sum(partition.counters["accepted_total"] for partition in partitions)
    assert found["wayfold_state_bytes", frozenset({"1"})] > 0


async def test_refused_records_by_reason(telemetry: Telemetry, partitions: list[Partition]) -> None:
    """Refused records are counted under their reason."""
    partitions[0].counters["refused_total:late"] = 7
    found = await samples(writer(telemetry, partitions))
    assert found["wayfold_refused_total", frozenset({"0", "late"})] == 7


async def test_journey_numbers(telemetry: Telemetry, partitions: list[Partition]) -> None:
    """Journeys, versions and steps have the numbers of the document."""
    found = await samples(writer(telemetry, partitions))
    welcome = frozenset({"acme", "welcome"})
    assert found["wayfold_journey_entries_total", welcome] == 3
    assert found["wayfold_journey_version_converted_users", welcome | {"1"}] == 2
    assert found["wayfold_journey_conversion_value", welcome | {"EUR"}] == 25
    mail = welcome | {"1", "mail"}
    assert found["wayfold_step_message_events_total", mail | {"email", "clicked"}] == 3
    assert found["wayfold_step_message_users", mail | {"sent"}] == 3
    assert found["wayfold_account_engaged_persons", frozenset({"acme", "2026-11"})] == 4


async def test_the_limit_leaves_out_steps_before_journeys(
    telemetry: Telemetry, partitions: list[Partition]
) -> None:
    """Beyond the limit series are left out, those of journeys last, and what is left out is counted."""
    everything = await samples(writer(telemetry, partitions))
    bounded = [
        key for key in everything if key[0].startswith(("wayfold_journey", "wayfold_step", "wayfold_account"))
    ]
    found = await samples(writer(telemetry, partitions, limit=20))
    kept = [key for key in bounded if key in found]
    assert len(kept) == 20
    assert found["wayfold_metrics_left_out", frozenset()] == len(bounded) - 20
    assert not any(name.startswith("wayfold_step") for name, _ in kept)


async def test_numbers_that_cannot_be_read_are_absent(
    telemetry: Telemetry, partitions: list[Partition]
) -> None:
    """When journeys cannot be read the engine's metrics are still there."""
    source = OracleSource(traffic())
    source.available = False
    found = await samples(MetricsWriter(telemetry, lambda: partitions, source))
    assert ("wayfold_partitions", frozenset[str]()) in found
    assert not any(name.startswith("wayfold_journey") for name, _ in found)


async def test_every_sample_is_in_the_table(telemetry: Telemetry, partitions: list[Partition]) -> None:
    """The page has no metric that the table does not name, and each has the labels of the table."""
    content, _ = await writer(telemetry, partitions)("text/plain")
    for family in parse_text(content.decode()):
        for sample in family.samples:
            if not sample.name.startswith("wayfold_"):
                continue
            base = re.sub(r"_(bucket|count|sum)$", "", sample.name)
            name = NAMES.get(sample.name) or NAMES[base]
            assert set(sample.labels) - {"le"} == set(name.labels), sample
            assert family.type == name.kind.value, sample


def test_names_follow_the_rules() -> None:
    """Names have our prefix, counters end in _total and nothing else does, and no label is unbounded."""
    for name in NAMES.values():
        assert re.fullmatch(r"wayfold_[a-z0-9_]+", name.name)
        assert name.name.endswith("_total") == (name.kind is Kind.COUNTER), name
        assert not name.name.endswith(("_ms", "_kilobytes", "_percent")), name
        assert not set(name.labels) & {"user", "entry", "event", "message", "user_id", "event_id"}, name
        assert name.meaning.endswith("."), name


async def test_openmetrics(telemetry: Telemetry, partitions: list[Partition]) -> None:
    """A scraper that asks for OpenMetrics gets one well-formed page of it."""
    content, content_type = await writer(telemetry, partitions)("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    families = list(parse_openmetrics(content.decode()))  # type: ignore[no-untyped-call]
    assert {"wayfold_partitions", "process_cpu_seconds"} <= {family.name for family in families}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_accepts_the_page(telemetry: Telemetry, partitions: list[Partition]) -> None:
    """Prometheus's own checker finds nothing wrong with the page."""
    content, _ = await writer(telemetry, partitions)("text/plain")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=content, capture_output=True, check=False, timeout=60
    )
    problems = [line for line in checked.stderr.decode().splitlines() if line.startswith("wayfold_")]
    assert problems == []
