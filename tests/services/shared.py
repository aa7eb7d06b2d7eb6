"""Servers that all processes of a test run share: started by the first process, when another first asks.

Tests run in several processes; a broker for each of them would cost more than the tests. The process that
hands tests out listens on a socket, which the environment names to those that it starts.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import Final

from local_services import ServiceError

VARIABLE: Final = "WAYFOLD_TEST_SERVERS"
"""Names the socket and the key of the process that starts servers for a run."""

Starters = Mapping[str, Callable[[], AbstractContextManager[str]]]
"""By name of a server, what starts it and gives its address."""


class Servers:
    """Starts each server once, when it is first asked for, and ends all together."""

    def __init__(self, starters: Starters) -> None:
        self._starters = starters
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._found: dict[str, str | ServiceError] = {}

    def address(self, name: str) -> str:
        """Give the address of a server; raises ServiceError when it cannot be had, each time alike."""
        with self._lock:
            if name not in self._found:
                try:
                    self._found[name] = self._stack.enter_context(self._starters[name]())
                except ServiceError as error:
                    self._found[name] = error
            found = self._found[name]
        if isinstance(found, ServiceError):
            raise found
        return found

    def close(self) -> None:
        """End what was started."""
        with self._lock:
            self._stack.close()


@contextmanager
def served(starters: Starters) -> Iterator[None]:
    """Start servers for the processes that this one starts, until the block ends."""
    servers = Servers(starters)
    key = secrets.token_bytes(16)
    with Listener(None, "AF_UNIX", authkey=key) as listener:
        threading.Thread(target=_accept, args=(listener, servers), daemon=True).start()
        os.environ[VARIABLE] = f"{key.hex()}:{listener.address}"
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            servers.close()


def shared_address(name: str) -> str:
    """Ask the process that started this one for a server; raises ServiceError when it cannot be had."""
    key, _, socket = os.environ[VARIABLE].partition(":")
    with Client(socket, "AF_UNIX", authkey=bytes.fromhex(key)) as connection:
        connection.send(name)
        is_there, told = connection.recv()
    if not is_there:
        raise ServiceError(told)
    return str(told)


def _accept(listener: Listener, servers: Servers) -> None:
    # Ended by the closing of the listener.
    with suppress(OSError):
        while True:
            connection = listener.accept()
            threading.Thread(target=_answer, args=(connection, servers), daemon=True).start()


def _answer(connection: Connection, servers: Servers) -> None:
    with connection, suppress(EOFError, OSError):
        try:
            connection.send((True, servers.address(connection.recv())))
        except ServiceError as error:
            connection.send((False, str(error)))
