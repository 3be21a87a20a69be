"""The bytes of a CONNECT, in pieces, and everything that is not an answer to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.network.tunnel import HEAD_LIMIT, ProxyError, connect_request, read_connect_answer
from qt_upbit.proxy_address import Proxy

OPEN = Proxy("http", "proxy.test", 3128)
LOCKED = Proxy("http", "proxy.test", 3128, "me", "secret")
HOST = "api.upbit.com"


def test_the_request() -> None:
    assert connect_request(OPEN, HOST, 443, "qt-upbit") == (
        b"CONNECT api.upbit.com:443 HTTP/1.1\r\nHost: api.upbit.com:443\r\nUser-Agent: qt-upbit\r\n\r\n"
    )
    assert b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n" in connect_request(LOCKED, HOST, 443, "x")
    assert connect_request(OPEN, "2001:db8::1", 443, "x").startswith(b"CONNECT [2001:db8::1]:443 ")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 299 \r\n\r\n",
    ],
)
def test_an_answer_is_understood_in_any_pieces(answer: bytes) -> None:
    for length in range(len(answer)):
        assert not read_connect_answer(OPEN, HOST, answer[:length])
    assert read_connect_answer(OPEN, HOST, answer)


@pytest.mark.parametrize(
    ("proxy", "answer", "says"),
    [
        (
            OPEN,
            b"HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
            "wants a user name and password",
        ),
        (OPEN, b"HTTP/1.1 407 X\r\n\r\n", "wants a user name and password"),
        (LOCKED, b"HTTP/1.1 407 X\r\nproxy-authenticate: basic\r\n\r\n", "does not accept"),
        (
            LOCKED,
            b"HTTP/1.1 407 X\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n",
            "negotiate, ntlm",
        ),
        (OPEN, b"HTTP/1.1 403 Forbidden\r\n\r\n<html>", "HTTP 403"),
        (OPEN, b"HTTP/1.1 100 Continue\r\n\r\n", "HTTP 100"),
        (OPEN, b"HTTP/1.1 302 Login\r\nLocation: http://login\r\n\r\n", "HTTP 302"),
        (OPEN, b"HTTP/2 200\r\n\r\n", "does not answer as an HTTP proxy does"),
        (OPEN, b"SSH-2.0-OpenSSH\r\n", "SSH-2.0"),
        (OPEN, b"\x05\x00", "does not answer as an HTTP proxy does"),
        (OPEN, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_LIMIT, "does not answer as an HTTP proxy does"),
        (OPEN, b"HTTP/1.1 200 " + b"x" * HEAD_LIMIT, "does not answer as an HTTP proxy does"),
        (OPEN, b"HTTP/1.1 200 OK\r\n\r\nmore", "sends data before"),
    ],
)
def test_what_is_refused_says_so(proxy: Proxy, answer: bytes, says: str) -> None:
    with pytest.raises(ProxyError) as refused:
        read_connect_answer(proxy, HOST, answer)
    assert says in str(refused.value)
    assert "proxy.test:3128" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) < 300


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_a_refusal_or_not_whole_yet(head: bytes) -> None:
    said = ""
    try:
        is_open = read_connect_answer(OPEN, HOST, head)
    except ProxyError as exc:
        is_open, said = False, str(exc)
    assert said.isprintable()
    assert not is_open or head.startswith(b"HTTP/1.")
