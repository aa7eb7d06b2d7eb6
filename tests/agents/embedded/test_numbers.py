"""The embedded host with its real fold and store: a real log gives the oracle's numbers."""

from pathlib import Path

from tests.agents.fakes import KeptRecords
from wayfold.agents.definitions import definition_record, load_definition, publish_definition
from wayfold.agents.destinations.sink import SinkDestination
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.open import Opened, events_directory, open_host
from wayfold.agents.files.checkpoint import Checkpoint
from wayfold.agents.files.mapping import load_mapping
from wayfold.agents.files.replay import Replay
from wayfold.audit.oracle import differences, numbers
from wayfold.exporters.api.local import LocalNumbers
from wayfold.models.zone import Zone
from wayfold.settings import EmbeddedSettings, Settings
from wayfold.state.reading.query import Query

AGAIN = ("duplicate_total", "refused_total:late")
ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "receipt"
DATA = ROOT / "tests" / "data" / "receipt.csv.gz"


def settings_of(directory: Path) -> Settings:
    return Settings(embedded=EmbeddedSettings(directory=directory, partitions=3))


def replay_into(sink: SinkDestination) -> Replay:
    mapping = load_mapping(EXAMPLE / "mapping.yaml")
    checkpoint = Checkpoint(None, destination="", mapping=mapping.fingerprint, is_sorted=True)
    return Replay(sink, checkpoint, mapping=mapping)


async def document_of(opened: Opened) -> dict[str, object]:
    await opened.host.caught_up()
    source = LocalNumbers(
        lambda: opened.partitions, lag_ms=opened.host.lag_ms, unready=list, zone=lambda _: Zone("UTC")
    )
    return dict(await source.document(Query()))


async def test_a_real_log_gives_the_numbers_of_the_oracle(tmp_path: Path) -> None:
    """Replayed, defined afterwards, replayed once more and restarted in between: all numbers are right."""
    definition = load_definition(EXAMPLE / "journey.yaml")
    events = KeptRecords()
    await replay_into(SinkDestination(events)).run([DATA])
    expected = numbers(record.value or b"" for record in [*events.records, definition_record(definition)])

    opened = open_host(settings_of(tmp_path))
    opened.host.start()
    await replay_into(SinkDestination(opened.host)).run([DATA])
    await publish_definition(SinkDestination(opened.host), definition)
    assert differences(await document_of(opened), expected) == []
    assert opened.definition("default", "receipt", 1) == definition
    await opened.close()

    opened = open_host(settings_of(tmp_path))
    opened.host.start()
    summary = await replay_into(SinkDestination(opened.host)).run([DATA])
    assert summary.sent == len(events.records)
    assert differences(await document_of(opened), expected) == []
    # What lies further back than the retention is late by now; neither changes a number.
    counted = [sum(each.counters.get(name, 0) for each in opened.partitions) for name in AGAIN]
    assert sum(counted) == len(events.records)
    assert all(counted)
    await opened.close()


async def test_the_log_can_be_read_while_the_host_runs(tmp_path: Path) -> None:
    """Another program, such as the audit, reads what is durable without disturbing the writer."""
    opened = open_host(settings_of(tmp_path))
    opened.host.start()
    await publish_definition(SinkDestination(opened.host), load_definition(EXAMPLE / "journey.yaml"))
    reader = DurableLog.open_to_read(events_directory(tmp_path))
    assert reader.partitions == 3
    assert [len(reader.read("definitions", number, 0, 10)) for number in range(3)] == [1, 1, 1]
    reader.close()
    await opened.close()
