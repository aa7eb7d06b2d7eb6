"""The TLS context of a group of settings; what is wrong with its files is told by setting and file."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wayfold.settings.load import SettingsError
from wayfold.settings.model import KafkaSettings, RedisSettings


def tls_context(group: str, settings: KafkaSettings | RedisSettings) -> ssl.SSLContext:
    """Build the context from the files of the settings in `group`.

    Raises SettingsError, which names the setting and its file, when one cannot be read or used.
    """
    for name in ("tls_ca_file", "tls_certificate_file", "tls_key_file"):
        with _named(group, name, getattr(settings, name)):
            _readable(getattr(settings, name))
    with _named(group, "tls_ca_file", settings.tls_ca_file):
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
    context.check_hostname = settings.tls_check_hostname
    if settings.tls_certificate_file is not None:
        password = settings.tls_key_password if isinstance(settings, KafkaSettings) else None
        with _named(group, "tls_certificate_file", settings.tls_certificate_file, settings.tls_key_file):
            context.load_cert_chain(
                settings.tls_certificate_file,
                settings.tls_key_file,
                None if password is None else password.get_secret_value(),
            )
    return context


def _readable(path: Path | None) -> None:
    if path is not None:
        path.open("rb").close()


@contextmanager
def _named(group: str, name: str, path: Path | None, key: Path | None = None) -> Iterator[None]:
    beside = "" if key is None else f" with {group}.tls_key_file {key}"
    place = f"{group}.{name}: {path}{beside}"
    try:
        yield
    except ssl.SSLError as error:
        files = "the certificate and its key" if key is not None else "certificates"
        reason = error.reason or error.strerror or str(error)
        raise SettingsError([f"{place} cannot be used ({reason}); name a PEM file with {files}"]) from None
    except OSError as error:
        raise SettingsError([f"{place} cannot be read: {error.strerror}; name a file that can"]) from None
