"""One Kafka broker in KRaft mode (broker and controller in one process) for tests, benchmarks, trying out."""

import base64
import shutil
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from local_services import install
from local_services.process import HOST, LocalServer, ServiceError, free_port

LOG_SETTINGS = Path(__file__).with_name("kafka-log.xml")
METADATA_REQUEST = 3
METADATA_VERSION = 1
CORRELATION = 7
REPLY_SECONDS = 2.0
ARCHIVE_SECONDS = 120.0
QUICK_START = "-XX:TieredStopAtLevel=1"
"""Only the quick compiler: with both, a broker took half a core in its first minute, with it a quarter."""

FORMAT_OPTIONS = {"log.dirs", "metadata.log.dir", "node.id", "process.roles"}
CHECKPOINT, CLASSES = "bootstrap.checkpoint", "classes.jsa"


def prepare_start() -> None:
    """Make once what lets brokers start with half the work: a formatted folder, and their classes loaded.

    A JVM of another version takes no notice of the classes.
    """
    if install.prepared_start() is not None:
        return
    with install.filling(install.prepared_start_folder()) as folder, LocalKafka() as broker:
        shutil.copyfile(broker.folder / "data" / CHECKPOINT, folder / CHECKPOINT)
        broker.stop()
        broker.archive_classes_to = folder / CLASSES
        broker.stop_seconds = ARCHIVE_SECONDS
        broker.start()
        broker.stop()
        if not (folder / CLASSES).exists():
            raise ServiceError(
                f"Kafka's classes could not be archived. Its log ends with:\n{broker.log_tail()}"
            )


def broker_answers(host: str, port: int) -> bool:
    """Whether a broker answers a Metadata request there and names a live broker; OSError counts as no."""
    client = b"wayfold-services"
    request = struct.pack(">hhih", METADATA_REQUEST, METADATA_VERSION, CORRELATION, len(client)) + client
    request += struct.pack(">i", 0)  # of no topic
    with socket.create_connection((host, port), timeout=REPLY_SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        reply = connection.recv(12, socket.MSG_WAITALL)
    if len(reply) < 12:
        return False
    _, correlation, live_brokers = struct.unpack(">iii", reply)
    return bool(correlation == CORRELATION and live_brokers > 0)


class LocalKafka(LocalServer):
    """A Kafka broker that can be killed and comes back on the same port with the same data.

    `options` adds or replaces lines of server.properties, for example
    `{"log.retention.ms": "1000"}`. `heap` is the JVM's, as in `-Xmx1g`.
    """

    name = "kafka"
    start_seconds = 90.0

    def __init__(
        self,
        folder: Path | None = None,
        port: int | None = None,
        *,
        heap: str = "1g",
        options: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, port)
        self.controller_port = free_port()
        self.heap = heap
        self.options = dict(options or {})
        self.archive_classes_to: Path | None = None

    @property
    def bootstrap_servers(self) -> str:
        """What a client is given, as in `127.0.0.1:9092`."""
        return self.address

    def command(self) -> list[str]:
        """The JVM's command line; the first time it also writes the settings and formats the data folder."""
        jars = install.kafka_jars()
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        java = [install.java_command(), "-cp", f"{jars}/*", f"-Dlog4j2.configurationFile={LOG_SETTINGS}"]
        java += [f"-Dwayfold.log={self.log_path}", "-Djava.awt.headless=true"]
        prepared = install.prepared_start()
        if not (self.folder / "data" / "meta.properties").exists():
            if prepared is None or self.options.keys() & FORMAT_OPTIONS:
                self._format([*java, "-Xmx256m", QUICK_START], properties)
            else:
                self._format_alike(prepared / CHECKPOINT)
        if self.archive_classes_to is not None:
            java.append(f"-XX:ArchiveClassesAtExit={self.archive_classes_to}")
        elif prepared is not None:
            java.append(f"-XX:SharedArchiveFile={prepared / CLASSES}")
        memory = [f"-Xms{self.heap}", f"-Xmx{self.heap}", "-XX:+UseG1GC"]
        return [*java, QUICK_START, *memory, "kafka.Kafka", str(properties)]

    def answers(self) -> bool:
        """Whether the broker answers a Metadata request and counts itself among the live brokers."""
        return broker_answers(HOST, self.port)

    def _format(self, java: list[str], properties: Path) -> None:
        done = subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", _new_id(), "-c", str(properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServiceError(f"Kafka's data folder could not be formatted:\n{done.stdout}{done.stderr}")

    def _format_alike(self, checkpoint: Path) -> None:
        """Format the data folder as another one of the same version was, without starting a JVM for it."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        shutil.copyfile(checkpoint, data / CHECKPOINT)
        meta = {"version": "1", "node.id": "1", "cluster.id": _new_id(), "directory.id": _new_id()}
        (data / "meta.properties").write_text("".join(f"{key}={value}\n" for key, value in meta.items()))

    def _properties(self) -> dict[str, str]:
        listeners = f"PLAINTEXT://{HOST}:{self.port}"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{listeners},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": listeners,
            "log.dirs": str(self.folder / "data"),
            "num.partitions": "4",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            # A killed worker has to be noticed in seconds, and tests choose short session timeouts.
            "group.min.session.timeout.ms": "1000",
            # After a kill, the controller admits the broker again only when its last session has expired.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            # Records may carry any time: none is deleted because it looks old.
            "log.retention.ms": "-1",
            "log.cleaner.dedupe.buffer.size": "16777216",
        }
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
            properties[f"{topic}.replication.factor"] = "1"
            properties[f"{topic}.num.partitions"] = "4"
        properties["transaction.state.log.min.isr"] = "1"
        properties["share.coordinator.state.topic.min.isr"] = "1"
        return properties | self.options


def _new_id() -> str:
    """An id as Kafka makes them: 16 bytes in base64, which must not begin with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
