"""Real Kafka and Redis on this machine, without Docker: installed, started, killed and restarted from Python.

Tests, benchmarks and `make services` use it. Only the standard library is needed, so that it also runs before
anything of Wayfold is installed. What is downloaded is kept in `.services/` at the top of the repository.
"""

from local_services.install import install_services
from local_services.kafka import LocalKafka, prepare_start
from local_services.process import ServiceError, wait_until
from local_services.redis import LocalRedis

__all__ = ["LocalKafka", "LocalRedis", "ServiceError", "install_services", "prepare_start", "wait_until"]
