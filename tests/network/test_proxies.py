"""Which proxy: the setting, the environment, the system, and what is never sent to one."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from qt_upbit import ConfigError, WebSocketConfig
from qt_upbit.network.proxies import proxy_for
from qt_upbit.proxy_address import Proxy


def decide(*, is_secure: bool = True, host: str = "api.upbit.com", **fields: Any) -> Proxy | None:
    return proxy_for(WebSocketConfig(**fields), host, 443, is_secure=is_secure)


def system(monkeypatch: pytest.MonkeyPatch, found: dict[str, str], bypassed: str = "") -> None:
    """What Windows' registry or macOS' settings say."""
    monkeypatch.setattr(urllib.request, "getproxies", lambda: found)
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: bool(bypassed) and bypassed in host)


@pytest.mark.parametrize(
    ("names", "is_secure", "expected"),
    [
        (("HTTPS_PROXY",), True, "HTTPS_PROXY"),
        (("https_proxy",), True, "https_proxy"),
        (("ALL_PROXY",), True, "ALL_PROXY"),
        (("ALL_PROXY", "HTTPS_PROXY"), True, "HTTPS_PROXY"),
        (("HTTP_PROXY",), True, None),
        (("HTTP_PROXY",), False, "HTTP_PROXY"),
        (("HTTPS_PROXY",), False, None),
        (("WSS_PROXY",), True, None),
    ],
)
def test_the_environment(
    names: tuple[str, ...], is_secure: bool, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.setenv(name, f"http://{name.lower().replace('_', '-')}.test:3128")
    proxy = decide(is_secure=is_secure)
    wanted = None if expected is None else f"{expected.lower().replace('_', '-')}.test"
    assert (None if proxy is None else proxy.host) == wanted


@pytest.mark.parametrize(
    ("no_proxy", "is_direct"),
    [
        ("api.upbit.com", True),
        ("upbit.com", True),
        (".upbit.com", True),
        ("*", True),
        ("other.test, .upbit.com", True),
        ("other.com", False),
        ("", False),
    ],
)
def test_no_proxy(no_proxy: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (decide() is None) is is_direct
    assert decide(proxy="http://own.test:1") == Proxy("http", "own.test", 1), "the setting comes first"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"https": "http://proxy.test:8080", "http": "http://other.test:1"}, ("http", "proxy.test", 8080)),
        ({"https": "https://proxy.test:8443"}, ("https", "proxy.test", 8443)),
        ({"socks": "http://socks.test:1080"}, ("socks5h", "socks.test", 1080)),
        ({"socks": "socks://socks.test:1080"}, ("socks5h", "socks.test", 1080)),
        ({"https": "socks4://socks.test"}, ("socks4", "socks.test", 1080)),
        ({"https": "proxy.test:8080"}, ("http", "proxy.test", 8080)),
        ({"https": "", "all": "http://[2001:db8::1]:3128"}, ("http", "2001:db8::1", 3128)),
        ({"ftp": "http://ftp.test:21"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_system(
    found: dict[str, str], expected: tuple[str, str, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    system(monkeypatch, found)
    proxy = decide()
    assert (None if proxy is None else (proxy.scheme, proxy.host, proxy.port)) == expected


def test_the_systems_list_of_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, {"https": "http://proxy.test:8080"}, bypassed="upbit.com:443")
    assert decide() is None
    assert decide(host="elsewhere.test") is not None


def test_who_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert decide(use_system_proxy=False) is None
    assert decide(use_system_proxy=False, proxy="http://own.test:1") is not None


def test_this_machine_is_reached_directly_unless_the_setting_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    assert decide(base_url="http://127.0.0.1:80", host="127.0.0.1") is None
    assert decide(base_url="http://127.0.0.1:80", host="127.0.0.1", proxy="http://own.test:1") is not None


def test_what_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:se#cret@proxy.test:3128")
    with pytest.raises(ConfigError, match=r"HTTPS_PROXY.*percent-encode") as failed:
        decide()
    assert "cret" not in repr(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
