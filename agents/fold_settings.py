"""What the fold is told of the settings, in both hosts."""

from wayfold.models.partitioner import Partitioner
from wayfold.settings import Settings
from wayfold.state.intake.refusals import DAY_MS
from wayfold.state.limits import Limits
from wayfold.state.partition import FoldSettings


def fold_settings(settings: Settings, partitions: int, partitioner: Partitioner) -> FoldSettings:
    """Give the settings of the fold for topics of that many partitions, and how publishers choose one."""
    fold = settings.fold
    return FoldSettings(
        partitions=partitions,
        time_zone=fold.time_zone,
        account_time_zones=fold.account_time_zones,
        retention_ms=fold.retention_days * DAY_MS,
        partitioner=partitioner,
        limits=limits_of(settings),
    )


def limits_of(settings: Settings) -> Limits:
    """Give how many names and events are taken."""
    fold = settings.fold
    return Limits(
        steps=fold.limit_steps,
        variants=fold.limit_variants,
        channels=fold.limit_channels,
        goal_names=fold.limit_goal_names,
        nodes=fold.limit_nodes,
        user_events=fold.limit_user_events,
    )
