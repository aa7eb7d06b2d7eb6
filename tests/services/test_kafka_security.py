"""TLS and logins: every kind of Kafka client that a worker has gets in with them, and only with them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from local_services import LocalKafka
from local_services.install import java_command
from local_services.process import HOST, free_port
from tests.services.cluster import Publisher, running_worker, settings_for, until_folded
from wayfold.agents.dead_letters import KafkaDeadLetters, list_letters
from wayfold.agents.kafka.topics import BrokerUnreachableError, find_topics
from wayfold.models.refusal import DeadLetter, Reason, Refusal
from wayfold.settings import Settings

USER, PASSWORD = "wayfold", "open sesame"


class SecureKafka:
    """A broker with a second listener that wants TLS and a login."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "broker.pem"
        store = ("-keystore", str(folder / "broker.p12"), "-storepass", PASSWORD, "-alias", "broker")
        names = ("-dname", "CN=broker", "-ext", f"san=ip:{HOST}", "-keyalg", "RSA", "-validity", "2")
        keytool = str(Path(java_command()).with_name("keytool"))
        subprocess.run([keytool, "-genkeypair", *store, *names], check=True, capture_output=True)
        exporting = [keytool, "-exportcert", "-rfc", "-file", str(self.certificate), *store]
        subprocess.run(exporting, check=True, capture_output=True)
        self.port = free_port()
        self.server = LocalKafka()
        plain = f"PLAINTEXT://{HOST}:{self.server.port}"
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        self.server.options = {
            "listeners": f"{plain},SASL_SSL://{HOST}:{self.port},CONTROLLER://{HOST}:{self.server.controller_port}",
            "advertised.listeners": f"{plain},SASL_SSL://{HOST}:{self.port}",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{login} required user_{USER}="{PASSWORD}";',
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": str(folder / "broker.p12"),
            "ssl.keystore.password": PASSWORD,
        }

    def settings(self, prefix: str, folder: Path, password: str = PASSWORD) -> Settings:
        """Settings with which one gets in, when the password is right."""
        return settings_for(
            f"{HOST}:{self.port}",
            prefix,
            folder,
            security_protocol="SASL_SSL",
            tls_ca_file=self.certificate,
            sasl_mechanism="PLAIN",
            sasl_username=USER,
            sasl_password=SecretStr(password),
            request_timeout_ms=2_000,
        )


@pytest.fixture(scope="module")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    kafka = SecureKafka(tmp_path_factory.mktemp("secure"))
    with kafka.server:
        yield kafka


@pytest.mark.services
async def test_a_worker_reads_and_writes_over_tls_with_a_login(
    secure_kafka: SecureKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Admin, consumer, dead letter producer and reader all use the settings' TLS and login."""
    settings = secure_kafka.settings(topic_prefix, tmp_path)
    letter = DeadLetter("entries", 0, 1, 2, Refusal(Reason.LATE, "", "late"), None, b"x")
    with Publisher(settings) as publisher:
        async with running_worker(settings) as worker:
            publisher.publish(40)
            await until_folded([worker], publisher.sent)
        async with KafkaDeadLetters(settings.kafka) as letters:
            await letters.write([letter])
    assert list(list_letters(settings.kafka)) == [letter]


@pytest.mark.services
def test_a_wrong_password_is_refused_with_a_clear_message(
    secure_kafka: SecureKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Who cannot log in is told which brokers and which protocol were tried, and never the password."""
    settings = secure_kafka.settings(topic_prefix, tmp_path, password="guess")
    with pytest.raises(BrokerUnreachableError, match=r"SASL_SSL.*kafka\.security_protocol") as refusal:
        find_topics(settings.kafka)
    assert "guess" not in str(refusal.value)
