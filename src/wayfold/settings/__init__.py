"""Every setting of Wayfold: one typed model, read from flags, the environment and a file.

Flags win over the environment, the environment over the file, the file over the defaults. A setting
is named `group.field` (`kafka.topic_prefix`); its variable is `WAYFOLD_KAFKA_TOPIC_PREFIX`, its place
in the file `[kafka] topic_prefix = …`. `load` reads all three; `Settings()` alone reads nothing.
"""

from wayfold.settings.load import Loaded, SettingsError, expectation, fields, load, variable
from wayfold.settings.model import (
    EmbeddedSettings,
    FoldSettings,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MetricsSettings,
    RedisSettings,
    Settings,
    StateSettings,
    WorkerSettings,
)

__all__ = [
    "EmbeddedSettings",
    "FoldSettings",
    "HttpSettings",
    "KafkaSettings",
    "Loaded",
    "LogSettings",
    "MetricsSettings",
    "RedisSettings",
    "Settings",
    "SettingsError",
    "StateSettings",
    "WorkerSettings",
    "expectation",
    "fields",
    "load",
    "variable",
]
