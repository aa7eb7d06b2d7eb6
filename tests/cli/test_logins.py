"""Files and logins of Kafka and Redis that cannot be used are named at the start."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from wayfold.agents.kafka.clients import client_options
from wayfold.cli.redis_login import check_redis_login
from wayfold.settings import KafkaSettings, RedisSettings, SettingsError


@pytest.fixture
def nonsense(tmp_path: Path) -> Path:
    """A file that is no certificate."""
    path = tmp_path / "nonsense.pem"
    path.write_text("no certificate")
    return path


def test_kafka_s_tls_files_are_named(nonsense: Path, tmp_path: Path) -> None:
    """A file that is not there, or is no PEM file, is told with its setting."""
    gone = tmp_path / "gone.pem"
    with pytest.raises(SettingsError, match=r"kafka\.tls_ca_file: .*gone\.pem cannot be read: No such file"):
        client_options(KafkaSettings(security_protocol="SSL", tls_ca_file=gone))
    with pytest.raises(SettingsError, match=r"kafka\.tls_ca_file: .*nonsense\.pem cannot be used"):
        client_options(KafkaSettings(security_protocol="SSL", tls_ca_file=nonsense))
    with pytest.raises(SettingsError, match=r"kafka\.tls_key_file: .*gone\.pem cannot be read"):
        client_options(
            KafkaSettings(security_protocol="SSL", tls_certificate_file=nonsense, tls_key_file=gone)
        )
    with pytest.raises(
        SettingsError, match=r"kafka\.tls_certificate_file: .* with kafka\.tls_key_file .*cannot be used"
    ):
        client_options(
            KafkaSettings(security_protocol="SSL", tls_certificate_file=nonsense, tls_key_file=nonsense)
        )


def test_redis_s_tls_files_are_named(tmp_path: Path) -> None:
    """A file that is not there is told before anything waits for Redis."""
    settings = RedisSettings(url="rediss://127.0.0.1:9", tls_ca_file=tmp_path / "gone.pem")
    with pytest.raises(SettingsError, match=r"redis\.tls_ca_file: .*gone\.pem cannot be read: No such file"):
        check_redis_login(settings)


def test_a_wrong_login_of_redis_is_refused_at_the_start(redis_url: str) -> None:
    """A user or password that Redis refuses is told with the settings, and without the password."""
    settings = RedisSettings(url=redis_url.replace("://", "://nobody:guess@"))
    with pytest.raises(
        SettingsError, match=r"redis\.username, redis\.password: Redis at .* refuses"
    ) as refused:
        check_redis_login(settings)
    assert "guess" not in str(refused.value)
    check_redis_login(RedisSettings(url=redis_url))


def test_a_redis_that_is_away_is_waited_for() -> None:
    """A Redis that nobody reaches at the start is no wrong login."""
    settings = RedisSettings(url="redis://127.0.0.1:9")
    check_redis_login(settings)
    with Redis.from_url(settings.url) as client, pytest.raises(RedisConnectionError):
        client.ping()
