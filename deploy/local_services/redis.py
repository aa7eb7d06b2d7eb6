"""One redis-server on its own port and folder, for tests, benchmarks and trying out."""

import socket
from collections.abc import Mapping
from pathlib import Path

from local_services import install
from local_services.process import HOST, LocalServer, free_port

REPLY_SECONDS = 2.0
# What a server says that is up: it answers, or wants a password first.
UP = (b"+PONG", b"-NOAUTH", b"-NOPERM")


class LocalRedis(LocalServer):
    """A redis-server that can be killed and comes back on the same port and folder.

    Without options it keeps nothing on disk, so that a restart comes back empty. `options` are lines of
    redis.conf, for example `{"save": "1 1", "requirepass": "secret"}`.
    """

    name = "redis"
    start_seconds = 15.0

    def __init__(
        self, folder: Path | None = None, port: int | None = None, *, options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(folder, port)
        self.options = dict(options or {})

    @property
    def url(self) -> str:
        """What a client is given, as in `redis://127.0.0.1:6379/0`."""
        return f"redis://{self.address}/0"

    def command(self) -> list[str]:
        """The command line of redis-server; its settings are written to a file in the folder."""
        settings = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.folder),
            "daemonize": "no",
            "loglevel": "warning",
            "save": '""',
            "appendonly": "no",
        } | self.options
        if settings.get("cluster-enabled") == "yes":
            # Its own choice, ten thousand above the port, is where programs' outgoing connections are.
            settings.setdefault("cluster-port", str(free_port()))
        path = self.folder / "redis.conf"
        path.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        return [install.redis_command(), str(path)]

    def answers(self) -> bool:
        """Whether PING is answered (with PONG, or with the wish for a password)."""
        with socket.create_connection((HOST, self.port), timeout=REPLY_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(UP)
