"""The connection to Redis: made from settings, checked before use, and able to run a script."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from wayfold.exporters.redis_views.scripts import Script
from wayfold.settings import RedisSettings

LEAST_VERSION: Final = (6, 2)
AWAY: Final = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What is raised when Redis cannot be reached or cannot do what it is asked."""


NOWHERE: Final = (ReadOnlyError, AskError, TryAgainError, ClusterDownError)
"""Errors that say that this node takes nothing now, whatever is asked."""


def is_refusal(answer: object) -> bool:
    """Whether Redis could be asked and refused this one thing: other keys may well be taken."""
    return isinstance(answer, ResponseError) and not isinstance(answer, NOWHERE)


class RedisRefusedError(Exception):
    """Redis, as it is set up, cannot hold the views; the message says why and what to do."""


class Evaluation(NamedTuple):
    """One run of a script."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[bytes | str | int]


class RedisLink:
    """A client of one Redis, or of a Redis Cluster. Retries are left to the caller.

    Answers hold bytes, or `text`, which is decoded while they are parsed.
    """

    def __init__(self, settings: RedisSettings, *, text: bool = False) -> None:
        self.client: Any = _client(settings, text=text)
        self.address = settings.url
        self.is_cluster = settings.cluster

    async def evaluate(self, evaluations: Sequence[Evaluation]) -> list[Any]:
        """Run scripts, in one round trip where Redis knows them; an answer may be an exception.

        Raises one of `AWAY` when Redis could not be reached at all.
        """
        pipeline = self.client.pipeline(transaction=False) if not self.is_cluster else self.client.pipeline()
        for script, keys, arguments in evaluations:
            pipeline.execute_command("EVALSHA", script.sha, len(keys), *keys, *arguments)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for index, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                # EVAL also makes the script known to the node that owns the keys.
                script, keys, arguments = evaluations[index]
                try:
                    answers[index] = await self.client.execute_command(
                        "EVAL", script.text, len(keys), *keys, *arguments
                    )
                except AWAY as error:
                    answers[index] = error
        return answers

    async def many(self, commands: Sequence[Sequence[str]]) -> list[Any]:
        """Run commands of one key each in one round trip; raises one of `AWAY` when any fails."""
        answers = await self.each(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def each(self, commands: Sequence[Sequence[str]]) -> list[Any]:
        """Run commands of one key each in one round trip; the answer to one that is refused is the error.

        Raises one of `AWAY` when Redis could not be asked.
        """
        if not commands:
            return []
        pipeline = self.client.pipeline(transaction=False) if not self.is_cluster else self.client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not is_refusal(answer):
                raise answer
        return answers

    async def time_ms(self, key: str) -> int:
        """What the clock of the node shows that has a key; in milliseconds UTC."""
        if self.is_cluster:
            await self.client.initialize()  # so that it knows which node has which key
            node = self.client.get_node_from_key(key)
            return milliseconds(await self.client.execute_command("TIME", target_nodes=node))
        return milliseconds(await self.client.execute_command("TIME"))

    async def at_once(self, commands: Sequence[Sequence[str]]) -> list[Any]:
        """Run commands on keys of one slot in one transaction, so that all answers are of one moment."""
        if not commands:
            return []
        pipeline = self.client.pipeline(transaction=True)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute()
        return answers

    async def check(self) -> None:
        """Raise RedisRefusedError when this Redis would lose views or cannot keep them."""
        if self.is_cluster:
            nodes = await self.client.info("all", target_nodes=RedisCluster.PRIMARIES)
            # One primary answers with its own dictionary, several with one for each.
            infos = [nodes] if "redis_version" in nodes else list(nodes.values())
        else:
            infos = [await self.client.info("all")]
        for info in infos:
            _check_node(info, self.address)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.aclose()


def milliseconds(time: Sequence[bytes | str | int]) -> int:
    """What TIME answers, seconds and microseconds, in milliseconds UTC."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def text(answer: bytes | str) -> str:
    """Text of an answer."""
    return answer.decode() if isinstance(answer, bytes) else answer


def _check_node(info: dict[str, Any], address: str) -> None:
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise RedisRefusedError(f"Redis at {address} is version {version}; Wayfold needs {least} or later")
    policy = info.get("maxmemory_policy", "noeviction")
    if int(info.get("maxmemory", 0)) > 0 and policy != "noeviction":
        raise RedisRefusedError(
            f"Redis at {address} has maxmemory {info['maxmemory']} with maxmemory-policy {policy}: it would "
            "throw numbers away when memory runs out; set maxmemory-policy noeviction, or maxmemory 0"
        )
    if info.get("role", "master") != "master":
        raise RedisRefusedError(
            f"Redis at {address} is a replica, which takes no writes; give the address of the primary"
        )


def _client(settings: RedisSettings, *, text: bool) -> Any:
    timeout_s = settings.timeout_ms / 1000
    options: dict[str, Any] = {
        "username": settings.username,
        "password": settings.password.get_secret_value() if settings.password else None,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": text,
        "client_name": "wayfold",
    }
    if settings.url.startswith("rediss://"):
        options |= {
            "ssl_ca_certs": _path(settings.tls_ca_file),
            "ssl_certfile": _path(settings.tls_certificate_file),
            "ssl_keyfile": _path(settings.tls_key_file),
            "ssl_check_hostname": settings.tls_check_hostname,
        }
    if settings.cluster:
        return RedisCluster.from_url(settings.url, **options)
    return Redis.from_url(settings.url, **options)


def _path(path: object) -> str | None:
    return None if path is None else str(path)
