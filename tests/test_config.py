"""Configuration: validated on construction, silent about keys."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.config import Credentials, Preset, Region, WebSocketConfig
from qt_upbit.exceptions import ConfigError
from qt_upbit.types import Scope, WireFormat

keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=64)


@pytest.mark.parametrize(
    ("region", "scope", "url"),
    [
        (Region.KR, Scope.PUBLIC, "wss://api.upbit.com/websocket/v1"),
        (Region.KR, Scope.PRIVATE, "wss://api.upbit.com/websocket/v1/private"),
        (Region.KR, Scope.INFO, "wss://api.upbit.com/websocket/v1/info"),
        (Region.SG, Scope.PUBLIC, "wss://sg-api.upbit.com/websocket/v1"),
        (Region.ID, Scope.PRIVATE, "wss://id-api.upbit.com/websocket/v1/private"),
        (Region.TH, Scope.PUBLIC, "wss://th-api.upbit.com/websocket/v1"),
    ],
)
def test_addresses(region: Region, scope: Scope, url: str) -> None:
    assert WebSocketConfig(region=region).websocket_url(scope) == url


def test_a_base_url_replaces_the_region() -> None:
    config = WebSocketConfig(base_url="http://127.0.0.1:8080/")
    assert config.websocket_url(Scope.PRIVATE) == "ws://127.0.0.1:8080/websocket/v1/private"
    assert config.rest_url == "http://127.0.0.1:8080/v1"
    assert (
        WebSocketConfig(base_url="https://x.example")
        .websocket_url(Scope.PUBLIC)
        .startswith("wss://x.example/")
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("region", "mars"),
        ("base_url", "ws://127.0.0.1"),
        ("base_url", "127.0.0.1:80"),
        ("base_url", "http://user:pass@host"),
        ("base_url", "http://host/path"),
        ("wire_format", "XML"),
        ("max_message_bytes", 1),
        ("ping_interval_s", 60.0),
        ("ping_interval_s", 0),
        ("pong_timeout_s", 60.0),
        ("silence_timeout_s", 0),
        ("messages_per_second", 6),
        ("messages_per_minute", 101),
        ("connects_per_second", 6),
        ("frame_rate_hz", 1000),
        ("high_water_mark", 0),
        ("audit_interval_s", 0.5),
        ("no_such_setting", 1),
    ],
)
def test_bad_values_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        WebSocketConfig(**{field: value})


def test_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        WebSocketConfig().region = Region.SG


def test_the_environment_is_read() -> None:
    environ = {
        "QT_UPBIT_REGION": "sg",
        "QT_UPBIT_BASE_URL": "http://127.0.0.1:1",
        "QT_UPBIT_PRESET": "testing",
        "UPBIT_ACCESS_KEY": "access-key",
        "UPBIT_SECRET_KEY": "secret-key",
    }
    config = WebSocketConfig.from_env(environ, linger_s=3.0)
    assert config.region is Region.SG
    assert config.base_url == "http://127.0.0.1:1"
    assert config.silent_code_timeout_s == WebSocketConfig.preset("testing").silent_code_timeout_s
    assert config.linger_s == 3.0
    assert config.credentials is not None
    assert config.credentials.access_key.get_secret_value() == "access-key"


def test_an_empty_environment_gives_the_defaults() -> None:
    assert WebSocketConfig.from_env({}) == WebSocketConfig()


@pytest.mark.parametrize(
    ("name", "value"),
    [("QT_UPBIT_REGION", "mars"), ("QT_UPBIT_PRESET", "fast"), ("QT_UPBIT_BASE_URL", "nonsense")],
)
def test_bad_variables_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}|base_url"):
        WebSocketConfig.from_env({name: value})


def test_half_a_key_is_no_key() -> None:
    with pytest.raises(ConfigError, match="UPBIT_SECRET_KEY is not set"):
        Credentials.from_env({"UPBIT_ACCESS_KEY": "a"})
    with pytest.raises(ConfigError, match="UPBIT_ACCESS_KEY is not set"):
        Credentials.from_env({"UPBIT_SECRET_KEY": "s"})


@pytest.mark.parametrize("preset", Preset)
def test_presets_are_valid(preset: Preset) -> None:
    assert WebSocketConfig.preset(preset, wire_format=WireFormat.DEFAULT).wire_format is WireFormat.DEFAULT


@given(keys, keys)
def test_keys_never_show(access: str, secret: str) -> None:
    config = WebSocketConfig(credentials=Credentials(access_key=access, secret_key=secret))
    shown = f"{config!r} {config} {config.model_dump_json()} {config.credentials!r} {config.credentials}"
    # Short keys may stand in any text by accident; what is shown must not depend on them.
    other = WebSocketConfig(credentials=Credentials(access_key="x" * 8, secret_key="y" * 8))
    assert shown == f"{other!r} {other} {other.model_dump_json()} {other.credentials!r} {other.credentials}"


@given(keys)
def test_a_refused_key_is_not_in_the_error(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials(access_key=f" {key}\n", secret_key="s" * 8)
    shown = "".join(traceback.format_exception(caught.value))
    # Only the line of this test itself may hold it, and it holds a variable's name.
    assert str(caught.value).startswith("access_key: ")
    with pytest.raises(ConfigError) as other:
        Credentials(access_key=" another ", secret_key="s" * 8)
    assert str(caught.value) == str(other.value), "the text depends on the key"
    assert caught.value.__cause__ is None
    assert "input_value" not in shown


def test_keys_cannot_be_pickled_by_accident() -> None:
    with pytest.raises(TypeError, match="keys"):
        pickle.dumps(WebSocketConfig(credentials=Credentials(access_key="a" * 8, secret_key="s" * 8)))
