"""Whether Redis takes the login of the settings, asked once at the start of a process."""

import asyncio

from redis.exceptions import AuthenticationError, RedisClusterException

from wayfold.exporters.redis_views.link import AWAY, RedisLink
from wayfold.settings import RedisSettings, SettingsError
from wayfold.settings.tls import tls_context


def check_redis_login(settings: RedisSettings) -> None:
    """Raise SettingsError when TLS files cannot be used, or Redis refuses the user and password.

    A Redis that is away is no error: whoever needs it waits for it.
    """
    if settings.url.startswith("rediss://"):
        tls_context("redis", settings)
    asyncio.run(_log_in(settings))


async def _log_in(settings: RedisSettings) -> None:
    link = RedisLink(settings)
    try:
        await link.client.ping()
    except AWAY as error:
        refused = error.__cause__ if isinstance(error, RedisClusterException) else error
        if isinstance(refused, AuthenticationError):
            problem = (
                f"redis.username, redis.password: Redis at {link.address} refuses the login ({refused}); "
                "correct them, or the user and password in redis.url"
            )
            raise SettingsError([problem]) from None
    finally:
        await link.close()
