"""What every Kafka client of Wayfold is started with: addresses, TLS and login, from the settings."""

import ssl
from typing import Any

from wayfold.settings import KafkaSettings

CLIENT_ID = "wayfold"


def tls_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Build the TLS context of the settings, None when they ask for none.

    Raises OSError or ssl.SSLError when a certificate or key cannot be read.
    """
    if not settings.security_protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context(cafile=settings.tls_ca_file)
    context.check_hostname = settings.tls_check_hostname
    if settings.tls_certificate_file is not None:
        password = settings.tls_key_password
        context.load_cert_chain(
            settings.tls_certificate_file,
            settings.tls_key_file,
            None if password is None else password.get_secret_value(),
        )
    return context


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Give the keyword arguments that kafka-python's and aiokafka's clients have in common."""
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
        "client_id": CLIENT_ID,
        "request_timeout_ms": settings.request_timeout_ms,
        "security_protocol": settings.security_protocol,
        "ssl_context": tls_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        password = settings.sasl_password
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = None if password is None else password.get_secret_value()
    return options
