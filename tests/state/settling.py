"""A store whose rows say everything: nothing is left in its journal."""

from collections.abc import Mapping

from wayfold.state.commit import PartitionStore
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store import keys


def settle(store: PartitionStore, number: int, time_zones: Mapping[str, str] | None = None) -> None:
    """Settle what is in the journal, as a partition does when there is enough."""
    settings = FoldSettings(account_time_zones=time_zones or {}, journal_records=0)
    Partition(store, number, settings).commit()
    assert not list(store.scan(keys.JOURNAL, keys.after(keys.JOURNAL)))
