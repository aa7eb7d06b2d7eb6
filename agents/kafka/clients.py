"""What every Kafka client of Wayfold is started with: addresses, TLS and login, from the settings."""

from typing import Any

from wayfold.settings import KafkaSettings
from wayfold.settings.tls import tls_context

CLIENT_ID = "wayfold"


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Give the keyword arguments that kafka-python's and aiokafka's clients have in common.

    Raises SettingsError when a certificate or key cannot be read.
    """
    is_tls = settings.security_protocol.endswith("SSL")
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
        "client_id": CLIENT_ID,
        "request_timeout_ms": settings.request_timeout_ms,
        "security_protocol": settings.security_protocol,
        "ssl_context": tls_context("kafka", settings) if is_tls else None,
    }
    if settings.security_protocol.startswith("SASL"):
        password = settings.sasl_password
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = None if password is None else password.get_secret_value()
    return options


def blocking_client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Give the same for kafka-python's clients, which look for a first broker as long as for an answer."""
    return client_options(settings) | {"bootstrap_timeout_ms": settings.request_timeout_ms}
