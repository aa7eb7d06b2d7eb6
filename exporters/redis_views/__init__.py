"""The numbers in Redis: pushed by the workers, read by anyone with one HGETALL (docs/redis.md)."""

from wayfold.exporters.redis_views.link import RedisRefusedError
from wayfold.exporters.redis_views.views import RedisViews

__all__ = ["RedisRefusedError", "RedisViews"]
