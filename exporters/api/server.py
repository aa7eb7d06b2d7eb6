"""Runs an application on a port inside the process's event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import uvicorn

BACKLOG: Final = 1024
STOP_TIMEOUT_S: Final = 5


class CannotListenError(Exception):
    """The port cannot be had; the message says why and what to do."""


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the process decides when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Take a port; 0 takes a free one. `setting` is what the user would change: "http" or "worker".

    Raises CannotListenError.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListenError(
            f"{host} is no address to listen on ({error}); correct {setting}.host"
        ) from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise CannotListenError(
            f"cannot listen on {host}:{port} ({error.strerror or error}); stop what uses the port, "
            f"or choose another one with {setting}.port"
        ) from None
    found.setblocking(False)
    return found


@asynccontextmanager
async def serving(app: Any, taken: socket.socket) -> AsyncIterator[str]:
    """Serve an ASGI application on a port that `listen` took, for as long as the body runs.

    Gives the address as http://host:port. Requests that are under way when the body ends are finished,
    for five seconds at most.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[taken]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise CannotListenError("the HTTP server did not start; the log says why")
            await asyncio.sleep(0.005)
        host, port = taken.getsockname()[:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await asyncio.wait({task})
        taken.close()
