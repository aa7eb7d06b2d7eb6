"""The settings by group: types, limits, defaults, and what each means.

The text below a field is its documentation: `wayfold settings` and docs/settings.md print it.
"""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

MEBIBYTE = 1024 * 1024
OWN_PATHS = frozenset({"assets", "healthz", "internal", "journeys", "metrics", "readyz", "schema", "v1"})
"""What the paths of page and API begin with."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a known time zone; give an IANA name such as Europe/Berlin or UTC") from None
    return name


TimeZoneName = Annotated[str, AfterValidator(_known_zone)]
Limit = Annotated[int, Field(ge=1, le=1_000_000)]
Port = Annotated[int, Field(ge=0, le=65535)]
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Group(BaseModel):
    """Settings that belong together; unknown names are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


def _together(group: BaseModel, *names: str) -> None:
    """Raise unless all of `names` are set in `group`, or none."""
    missing = [name for name in names if getattr(group, name) is None]
    if 0 < len(missing) < len(names):
        raise ValueError(f"{' and '.join(names)} belong together; set {' and '.join(missing)} as well")


class KafkaSettings(Group):
    """The Kafka cluster of the workers, the publisher and the topics."""

    bootstrap_servers: Annotated[str, Field(min_length=1)] = "localhost:9092"
    """Brokers to start from: host:port, several with commas."""
    topic_prefix: Prefix = "wayfold"
    """First part of every topic's name: <prefix>.entries, <prefix>.steps and so on."""
    group: Prefix = "wayfold"
    """Consumer group of the workers; all workers of one system share it."""
    group_instance_id: Prefix | None = None
    """Static name of this worker in the group, its own for each, so that a restart takes its partitions
    back at once. Unset: a member that the group forgets when it leaves."""
    session_timeout_ms: Annotated[int, Field(ge=1_000, le=1_800_000)] = 10_000
    """Milliseconds without a heartbeat after which the group gives a worker's partitions away."""
    heartbeat_interval_ms: Annotated[int, Field(ge=100, le=600_000)] = 3_000
    """Milliseconds between heartbeats; at most a third of session_timeout_ms."""
    request_timeout_ms: Annotated[int, Field(ge=1_000, le=600_000)] = 30_000
    """Milliseconds to wait for a broker's answer."""
    fetch_max_wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 50
    """Milliseconds a broker may hold a fetch back to fill it."""
    fetch_max_bytes: Annotated[int, Field(ge=65_536, le=1024 * MEBIBYTE)] = 4 * MEBIBYTE
    """Most bytes of one partition in one fetch."""
    topic_partitions: Annotated[int, Field(ge=1, le=10_000)] = 4
    """Partitions that `wayfold topics create` gives each topic; all topics have the same number."""
    topic_replication_factor: Annotated[int, Field(ge=1, le=100)] = 1
    """Copies that `wayfold topics create` makes of each partition."""
    topic_retention_ms: Annotated[int, Field(ge=-1)] = -1
    """Milliseconds that created topics keep records; -1 keeps them for ever, so that everything can be
    recounted."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to the brokers: in the clear, with TLS (SSL), with a login (SASL), or both."""
    tls_ca_file: Path | None = None
    """PEM file of the authorities that sign the brokers' certificates. Unset: the system's."""
    tls_certificate_file: Path | None = None
    """PEM file of the client's certificate, for brokers that ask for one."""
    tls_key_file: Path | None = None
    """PEM file of the client certificate's key."""
    tls_key_password: SecretStr | None = None
    """Password of tls_key_file."""
    tls_check_hostname: bool = True
    """Whether a broker's certificate must name the broker's host."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How the login is made."""
    sasl_username: str | None = None
    """User of the login; required with a SASL protocol."""
    sasl_password: SecretStr | None = None
    """Password of the login; required with a SASL protocol."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.heartbeat_interval_ms * 3 > self.session_timeout_ms:
            raise ValueError(
                f"heartbeat_interval_ms is {self.heartbeat_interval_ms}, more than a third of "
                f"session_timeout_ms ({self.session_timeout_ms}); lower the one or raise the other"
            )
        if self.security_protocol.startswith("SASL") and (
            self.sasl_username is None or self.sasl_password is None
        ):
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_username and sasl_password; set both"
            )
        _together(self, "tls_certificate_file", "tls_key_file")
        return self


class RedisSettings(Group):
    """The Redis that holds the views a cluster's readers take."""

    url: Annotated[str, Field(pattern=r"^rediss?://[^\s]+$")] = "redis://localhost:6379/0"
    """Address: redis://host:port/database, or rediss:// for TLS."""
    prefix: Prefix = "wayfold"
    """First part of every key."""
    cluster: bool = False
    """Whether the address is a node of a Redis Cluster."""
    username: str | None = None
    """User of the access list (ACL); unset logs in as default."""
    password: SecretStr | None = None
    """Password of the user; may also stand in the url, from where it is taken out."""
    tls_ca_file: Path | None = None
    """PEM file of the authorities that sign Redis's certificate. Unset: the system's."""
    tls_certificate_file: Path | None = None
    """PEM file of the client's certificate, for a Redis that asks for one."""
    tls_key_file: Path | None = None
    """PEM file of the client certificate's key."""
    tls_check_hostname: bool = True
    """Whether Redis's certificate must name its host."""
    publish_interval_ms: Annotated[int, Field(ge=0, le=60_000)] = 50
    """Least milliseconds between two pushes of a partition's changed views; changes in between go
    together."""
    timeout_ms: Annotated[int, Field(ge=100, le=600_000)] = 5_000
    """Milliseconds to wait for Redis's answer before trying again."""

    @model_validator(mode="before")
    @classmethod
    def _take_login_out_of_url(cls, values: object) -> object:
        """Keep the password out of a url that is printed or logged."""
        if not isinstance(values, dict) or not isinstance(values.get("url"), str):
            return values
        parts = urlsplit(values["url"])
        if "@" not in parts.netloc:
            return values
        login, _, host = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        found = {"username": unquote(username), "password": unquote(password)}
        found = {name: value for name, value in found.items() if value}
        return {**found, **values, "url": urlunsplit(parts._replace(netloc=host))}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _together(self, "tls_certificate_file", "tls_key_file")
        if self.tls_ca_file is not None and not self.url.startswith("rediss://"):
            raise ValueError("tls_ca_file is set but url does not ask for TLS; write rediss:// in url")
        return self


class StateSettings(Group):
    """Where and how partitions keep their state."""

    directory: Path = Path("wayfold-data/state")
    """Directory of a cluster worker's partition stores; local disk, one per worker."""
    memory_limit_bytes: Annotated[int, Field(ge=32 * MEBIBYTE)] = 256 * MEBIBYTE
    """Most bytes of memory that the stores' caches and write buffers take, all partitions together."""
    snapshot_url: str | None = None
    """Where snapshots go and come from: a directory, file://…, s3://…, gs://… or az://…. Several
    systems may share it. Unset: no snapshots. Object stores' own variables (AWS_… and the like) give the
    login."""
    snapshot_interval_s: Annotated[int, Field(ge=1, le=604_800)] = 900
    """Seconds between two snapshots of a partition."""
    snapshot_keep: Annotated[int, Field(ge=1, le=1_000)] = 3
    """Snapshots of a partition that are kept; older ones are deleted."""


class FoldSettings(Group):
    """How events become numbers. Changing these for existing state needs a replay into a new one."""

    time_zone: TimeZoneName = "UTC"
    """Time zone of the days and months of accounts that account_time_zones does not name."""
    account_time_zones: dict[str, TimeZoneName] = {}
    """Time zones by account id, as in {"acme": "Europe/Berlin"}."""
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    """Days that an event may be behind the latest before it, of its account and in its partition of its
    topic; older ones are refused as late."""
    limit_steps: Limit = 1_000
    """Most different steps in the events of a journey, in one partition of a topic; the names of definitions
    do not count. An event that would bring one more is refused: each name makes series of numbers."""
    limit_variants: Limit = 100
    """Most different variants in the events of a journey, likewise."""
    limit_channels: Limit = 100
    """Most different channels in the events of a journey, or in those outside of all, likewise."""
    limit_goal_names: Limit = 1_000
    """Most different goal names in the events of a journey, or in those outside of all, likewise."""
    limit_nodes: Limit = 1_000
    """Most different menu nodes in the calls of a journey, likewise."""
    limit_user_events: Limit = 10_000
    """Most events of one user and type in a journey, or outside of all, for ever."""
    partitioner: Literal["murmur2", "crc32"] = "murmur2"
    """How publishers map a user to a partition, Wayfold itself among them: murmur2 (Kafka's Java default)
    or crc32 (librdkafka's default)."""
    batch_interval_ms: Annotated[int, Field(ge=1, le=60_000)] = 50
    """Most milliseconds that folded events wait for their commit."""
    batch_records: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000
    """Most records in one commit of a partition."""


class EmbeddedSettings(Group):
    """The embedded host: one process without servers."""

    directory: Path = Path("wayfold-data")
    """Directory of the host's event log (log/) and state (state/)."""
    partitions: Annotated[int | None, Field(ge=1, le=256)] = None
    """Partitions of the log; fixed once the directory holds events. Unset: as many as the directory has,
    and one in a new directory, which is quickest, since one process folds them in turn."""
    segment_bytes: Annotated[int, Field(ge=4_096, le=1024 * MEBIBYTE)] = 64 * MEBIBYTE
    """Bytes after which the log starts a new file."""
    log_retention_days: Annotated[int | None, Field(ge=1, le=36_500)] = None
    """Days after which events are deleted from the log, by whole files and once a snapshot holds them; needs
    state.snapshot_url. Unset: the log is kept for ever, so that everything can be recounted and audited."""
    durable: bool = True
    """Whether accepted events are forced to disk (fsync) before the answer; false survives a crash of
    the process but not of the machine."""


class HttpSettings(Group):
    """The HTTP server of `wayfold run` and `wayfold serve`."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all. There is no login yet, so open it only to networks you trust."""
    port: Port = 8080
    """Port to listen on; 0 picks a free one."""
    max_body_bytes: Annotated[int, Field(ge=1_024, le=1024 * MEBIBYTE)] = 16 * MEBIBYTE
    """Most bytes of one request's body."""
    max_buckets: Annotated[int, Field(ge=1, le=100_000)] = 750
    """Most buckets that one series request may ask for."""
    max_page: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Most users in one page of a list."""
    path_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$", max_length=200)] = ""
    """What the addresses of page and API begin with behind a reverse proxy, as in /wayfold; the proxy may
    take it away or pass it on. Its first part is none that Wayfold has itself, such as v1."""
    timeout_ms: Annotated[int, Field(ge=100, le=600_000)] = 10_000
    """Milliseconds that `wayfold serve` waits for the workers it asks."""

    @field_validator("path_prefix")
    @classmethod
    def _apart_from_our_paths(cls, prefix: str) -> str:
        """Refuse a prefix after which nobody could tell whether a proxy has taken it away."""
        first = prefix[1:].partition("/")[0]
        if first in OWN_PATHS:
            raise ValueError(f"path_prefix begins with /{first}, which is a path of Wayfold; choose another")
        return prefix


class WorkerSettings(Group):
    """The port at which a cluster worker answers `wayfold serve`, Prometheus and health checks."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address to listen on; for `wayfold serve` and Prometheus only, not for the public."""
    port: Port = 8081
    """Port to listen on; 0 picks a free one."""
    url: Annotated[str | None, Field(pattern=r"^https?://[^\s]+$")] = None
    """Address under which `wayfold serve` reaches this worker. Unset: http://host:port of the above, with
    the machine's name where it listens on all addresses."""
    token: SecretStr | None = None
    """Secret that `wayfold serve` and the workers share; unset lets anyone who reaches the port read."""


class MetricsSettings(Group):
    """What /metrics shows."""

    max_label_sets: Annotated[int, Field(ge=0, le=1_000_000)] = 5_000
    """Most journey and step series on one page; what is left out is counted in wayfold_metrics_left_out."""
    versions: bool = True
    """Whether journey numbers also come for each version."""
    steps: bool = True
    """Whether step numbers come at all."""


class LogSettings(Group):
    """What the processes say about themselves, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important level that is written."""
    format: Literal["auto", "console", "json"] = "auto"
    """Lines for people (console) or machines (json); auto is console on a terminal."""


class Settings(BaseSettings):
    """All settings, by group."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix="WAYFOLD_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    state: StateSettings = StateSettings()
    fold: FoldSettings = FoldSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    http: HttpSettings = HttpSettings()
    worker: WorkerSettings = WorkerSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.embedded.log_retention_days is not None and self.state.snapshot_url is None:
            raise ValueError(
                "embedded.log_retention_days is set and state.snapshot_url is not: what is deleted from the "
                "log can be had from snapshots only. Set state.snapshot_url, or leave the retention unset"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: `load` reads environment and file, so that each value's source is known."""
        return (init_settings,)
