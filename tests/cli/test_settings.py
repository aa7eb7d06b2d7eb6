"""Settings: where they come from, what is refused, and that secrets stay secret."""

from pathlib import Path

import pytest

from wayfold.settings import Settings, SettingsError, fields, load, variable


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test in an empty directory without any of our variables."""
    for name, _ in fields():
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.delenv("WAYFOLD_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def problems(**flags: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load({name.replace("__", "."): value for name, value in flags.items()})
    return str(caught.value)


def test_every_setting_says_what_it_means() -> None:
    """No setting is without a description, and durations and sizes have their unit in the name."""
    for name, field in fields():
        assert field.description, name
        assert field.description.endswith("."), name
        assert not name.endswith(("_timeout", "_interval", "_size", "_limit")), name


def test_flag_beats_environment_beats_file_beats_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the places that set a value the nearest to the command wins, and is named."""
    (tmp_path / "wayfold.toml").write_text(
        '[kafka]\ngroup = "file"\ntopic_prefix = "file"\n[http]\nport = 1\n'
    )
    monkeypatch.setenv("WAYFOLD_KAFKA_GROUP", "environment")
    monkeypatch.setenv("WAYFOLD_KAFKA_TOPIC_PREFIX", "environment")
    loaded = load({"kafka.group": "flag"})
    assert loaded.settings.kafka.group == "flag"
    assert loaded.settings.kafka.topic_prefix == "environment"
    assert loaded.settings.http.port == 1
    assert loaded.settings.redis.prefix == "wayfold"
    assert loaded.sources == {
        "kafka.group": "flag",
        "kafka.topic_prefix": "environment WAYFOLD_KAFKA_TOPIC_PREFIX",
        "http.port": "file wayfold.toml",
    }


def test_a_log_is_trimmed_only_where_there_are_snapshots(tmp_path: Path) -> None:
    """Trimming is off unless set, and refused without a place for snapshots, wherever it was set."""
    assert load().settings.embedded.log_retention_days is None
    assert problems(embedded__log_retention_days=30).startswith("embedded.log_retention_days is set and")
    assert "Set state.snapshot_url" in problems(embedded__log_retention_days=30)
    (tmp_path / "wayfold.toml").write_text("[embedded]\nlog_retention_days = 30\n")
    assert "state.snapshot_url" in problems()
    loaded = load({"state.snapshot_url": "s3://bucket/wayfold"})
    assert loaded.settings.embedded.log_retention_days == 30
    assert "from 1 to 36500" in problems(embedded__log_retention_days=0)


def test_named_file_is_read_and_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file named by --config or WAYFOLD_CONFIG is used, and missing it is an error, not a default."""
    other = tmp_path / "other.toml"
    other.write_text('[log]\nlevel = "debug"\n')
    assert load(file=other).settings.log.level == "debug"
    monkeypatch.setenv("WAYFOLD_CONFIG", str(other))
    assert load().settings.log.level == "debug"
    monkeypatch.setenv("WAYFOLD_CONFIG", str(tmp_path / "gone.toml"))
    assert "gone.toml (WAYFOLD_CONFIG): no such file" in problems()


def test_wrong_values_are_named_with_source_and_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error says which setting, where it was set, and what it takes; all errors come at once."""
    monkeypatch.setenv("WAYFOLD_LOG_LEVEL", "loud")
    text = problems(http__port="99999", fold__time_zone="Mars/Base")
    assert "log.level (environment WAYFOLD_LOG_LEVEL)" in text
    assert "Give one of debug, info, warning, error" in text
    assert "http.port (flag)" in text
    assert "Give a whole number from 0 to 65535" in text
    assert "not a known time zone; give an IANA name such as Europe/Berlin" in text


def test_misspelt_settings_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name that no setting has is an error with the nearest name, in flags, file and environment."""
    (tmp_path / "wayfold.toml").write_text("[kafka]\nsesion_timeout_ms = 1\n")
    monkeypatch.setenv("WAYFOLD_KAFAK_GROUP", "x")
    text = problems(redis__prefiks="x")
    assert (
        "kafka.sesion_timeout_ms (file wayfold.toml): there is no such setting; did you mean kafka.session"
        in text
    )
    assert "WAYFOLD_KAFAK_GROUP: there is no such setting; did you mean WAYFOLD_KAFKA_GROUP?" in text
    assert "redis.prefiks (flag): there is no such setting; did you mean redis.prefix?" in text


def test_variables_of_kubernetes_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Service links that Kubernetes puts into the environment neither fail the start nor set a port."""
    monkeypatch.setenv("WAYFOLD_HTTP_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("WAYFOLD_REDIS_SERVICE_HOST", "10.0.0.2")
    monkeypatch.setenv("WAYFOLD_REDIS_PORT_6379_TCP_ADDR", "10.0.0.2")
    assert load().settings == Settings()


def test_a_login_in_a_url_comes_from_where_the_url_does() -> None:
    """User and password that stand in redis.url have the source of redis.url, and others their own."""
    loaded = load({"redis.url": "redis://u:pw@host:6379"})
    assert (loaded.sources["redis.username"], loaded.sources["redis.password"]) == ("flag", "flag")
    assert "redis.username" not in load({"redis.url": "redis://host:6379"}).sources


def test_secrets_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No way of printing the settings shows a secret, wherever it was given, in errors neither."""
    monkeypatch.setenv("WAYFOLD_REDIS_URL", "rediss://reader:hunter2@redis:6379/1")
    monkeypatch.setenv("WAYFOLD_KAFKA_SASL_PASSWORD", "hunter2")
    settings = load().settings
    assert settings.redis.url == "rediss://redis:6379/1"
    assert settings.redis.username == "reader"
    assert settings.redis.password is not None
    assert settings.redis.password.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{settings!r}{settings.model_dump_json()}{settings.model_dump()}"
    assert "hunter2" not in problems(redis__cluster="perhaps", kafka__security_protocol="none")
    monkeypatch.setenv("WAYFOLD_REDIS_URL", "http://reader:hunter2@redis:6379/1")
    assert "hunter2" not in problems()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"kafka__security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        ({"kafka__tls_certificate_file": "c.pem"}, "set tls_key_file as well"),
        ({"kafka__session_timeout_ms": 5000}, "more than a third of session_timeout_ms"),
        ({"redis__tls_ca_file": "ca.pem"}, "write rediss:// in url"),
    ],
)
def test_settings_that_contradict_each_other(flags: dict[str, object], expected: str) -> None:
    """Settings that only make sense together are checked together."""
    assert expected in problems(**flags)


def test_time_zones_of_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Account time zones come as JSON from the environment and as a table from a file."""
    monkeypatch.setenv("WAYFOLD_FOLD_ACCOUNT_TIME_ZONES", '{"acme": "Europe/Berlin"}')
    assert load().settings.fold.account_time_zones == {"acme": "Europe/Berlin"}
    monkeypatch.setenv("WAYFOLD_FOLD_ACCOUNT_TIME_ZONES", "acme=Europe/Berlin")
    assert "(environment WAYFOLD_FOLD_ACCOUNT_TIME_ZONES): not valid JSON" in problems()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("fold = 3", "fold (file wayfold.toml): is a group of settings. Give a table, [fold] in a file"),
        ("fold = [", "wayfold.toml: not valid TOML"),
        ('[fold]\naccount_time_zones = "x"', "fold.account_time_zones (file wayfold.toml): input should be"),
    ],
)
def test_files_of_another_shape(tmp_path: Path, content: str, expected: str) -> None:
    """A file that has something else where settings are is refused by name and place."""
    (tmp_path / "wayfold.toml").write_text(content)
    assert expected in problems()
