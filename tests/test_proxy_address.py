"""A proxy's URL: what is read, what is refused, and that the password stays inside."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import ConfigError, WebSocketConfig
from qt_upbit.proxy_address import Proxy, parse_proxy

PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy.test:3128", Proxy("http", "proxy.test", 3128)),
        ("http://proxy.test", Proxy("http", "proxy.test", 80)),
        ("https://proxy.test/", Proxy("https", "proxy.test", 443)),
        ("proxy.test:3128", Proxy("http", "proxy.test", 3128)),
        ("HTTP://PROXY.test:3128", Proxy("http", "proxy.test", 3128)),
        ("socks5://proxy.test", Proxy("socks5", "proxy.test", 1080)),
        ("socks5h://proxy.test:9050", Proxy("socks5h", "proxy.test", 9050)),
        ("socks://proxy.test", Proxy("socks5h", "proxy.test", 1080)),
        ("socks4a://me@proxy.test", Proxy("socks4a", "proxy.test", 1080, "me")),
        ("http://[::1]:3128", Proxy("http", "::1", 3128)),
        ("http://user:p%40ss%3A%2F@proxy.test:1", Proxy("http", "proxy.test", 1, "user", "p@ss:/")),
        ("http://user:p@ss@proxy.test:1", Proxy("http", "proxy.test", 1, "user", "p@ss")),
    ],
)
def test_what_is_read(url: str, expected: Proxy) -> None:
    assert parse_proxy(url, "proxy") == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "ftp://proxy.test",
        "http://proxy.test/path",
        "http://proxy.test?query",
        "http://proxy.test:port",
        "http://proxy.test:99999",
        "http://[::1",
        f"http://user:{PASSWORD}#x@proxy.test:1",
        f"http://user:{PASSWORD}/x@proxy.test:1",
        f"gopher://user:{PASSWORD}@proxy.test",
    ],
)
def test_what_is_refused_and_says_no_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"where it is from: .*http://host:port") as failed:
        parse_proxy(url, "where it is from")
    assert PASSWORD not in repr(failed.value)
    assert failed.value.__context__ is None
    with pytest.raises(ConfigError, match="proxy: ") as refused:
        WebSocketConfig(proxy=url)
    assert PASSWORD not in repr(refused.value)
    assert refused.value.__context__ is None


@given(user=st.text(min_size=1, max_size=20), password=st.text(max_size=20))
def test_a_login_survives_percent_encoding(user: str, password: str) -> None:
    login = f"{quote(user, safe='', errors='replace')}:{quote(password, safe='', errors='replace')}"
    proxy = parse_proxy(f"http://{login}@proxy.test", "proxy")
    authorization = proxy.authorization
    assert authorization is not None
    sent = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    clean = f"{user}:{password}".encode(errors="replace").decode()
    assert sent == clean


def test_no_login_is_no_header() -> None:
    assert parse_proxy("http://proxy.test", "proxy").authorization is None


def test_neither_a_proxy_nor_the_settings_show_the_password() -> None:
    url = f"http://user:{PASSWORD}@proxy.test:1"
    config = WebSocketConfig(proxy=url)
    for text in (repr(parse_proxy(url, "proxy")), repr(config), str(config), config.model_dump_json()):
        assert PASSWORD not in text
    assert config.proxy_url == url
