"""Trust: whose certificates are taken, read once, and never in the thread that asks."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import threading
from pathlib import Path
from typing import Any

import certifi
import pytest

from qt_upbit import ConfigError, WebSocketConfig
from qt_upbit.network import trust
from qt_upbit.network.trust import TrustError, forget_contexts, load_context, tls_context
from tests.support.world import Authority


def _subjects(context: ssl.SSLContext) -> list[Any]:
    return [each["subject"] for each in context.get_ca_certs()]


@pytest.fixture
def _empty_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As Python from python.org on macOS finds it."""
    nothing = ssl.DefaultVerifyPaths("", str(tmp_path / "none"), "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def test_the_certificates_are_read_once_whoever_asks_and_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []

    def load(ca_bundle: str = "") -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return load_context(ca_bundle)

    monkeypatch.setattr(trust, "load_context", load)
    contexts = await asyncio.gather(*(tls_context(None) for _ in range(5)))
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()
    assert all(context is contexts[0] for context in contexts)
    forget_contexts()
    assert await tls_context(None) is not contexts[0]


async def test_a_context_is_used_as_it_is() -> None:
    own = ssl.create_default_context()
    assert await tls_context(own) is own


def test_names_are_verified_with_tls_1_2_at_least() -> None:
    context = load_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_bundle_is_trusted_in_addition(ca_file: str) -> None:
    alone, more = load_context(), load_context(ca_file)
    assert len(more.get_ca_certs()) == len(alone.get_ca_certs()) + 1
    assert "The Company" in str(_subjects(more))


async def test_another_bundle_is_another_context(ca_file: str, tmp_path: Path) -> None:
    other = shutil.copy(ca_file, tmp_path / "other.pem")
    assert await tls_context(ca_file) is not await tls_context(str(other))
    assert await tls_context(ca_file) is await tls_context(ca_file)


async def test_ssl_cert_file_is_followed(ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without = await tls_context(None)
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    assert "The Company" not in str(_subjects(without))
    assert "The Company" in str(_subjects(await tls_context(None)))


@pytest.mark.usefixtures("_empty_store")
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_an_empty_store_is_replaced_by_certifis(platform: str) -> None:
    expected = ssl.create_default_context()
    expected.load_verify_locations(certifi.where())
    assert len(load_context(platform=platform).get_ca_certs()) == len(expected.get_ca_certs())


@pytest.mark.usefixtures("_empty_store")
def test_what_the_environment_names_is_not_mixed_with_certifis(ca_file: str) -> None:
    assert len(load_context(environ={"SSL_CERT_FILE": ca_file}).get_ca_certs()) == 1
    assert load_context(environ={"SSL_CERT_DIR": "somewhere"}).get_ca_certs() == []


@pytest.mark.usefixtures("_empty_store")
def test_a_directory_of_certificates_is_not_an_empty_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "5ad8a5d6.0").touch()
    paths = ssl.DefaultVerifyPaths("", str(tmp_path), "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    assert load_context(platform="linux").get_ca_certs() == []


@pytest.mark.parametrize("where", ["ca_bundle", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [b"", b"not a certificate", b"\x00\xff" * 100, None], ids=repr)
async def test_a_file_without_certificates_is_named(
    where: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_bytes(content)
    bundle = str(path) if where == "ca_bundle" else None
    if bundle is None:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(TrustError, match=rf"{where}: .*broken\.pem"):
        await tls_context(bundle)
    shutil.copy(certifi.where(), path)
    assert (await tls_context(bundle)).get_ca_certs(), "it is read again once it is right"


def test_a_strict_python_takes_what_browsers_take(authority: Authority) -> None:
    context = load_context()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN


# --- the setting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("as_path", [str, Path])
def test_the_setting_is_an_absolute_path_or_a_context(as_path: Any, ca_file: str) -> None:
    assert WebSocketConfig(ca_bundle=as_path(ca_file)).ca_bundle == ca_file
    own = ssl.create_default_context()
    config = WebSocketConfig(ca_bundle=own)
    assert config.ca_bundle is own
    assert config.model_copy(update={"linger_s": 1.0}).ca_bundle is own


def _no_names() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def _nothing_verified() -> ssl.SSLContext:
    context = _no_names()
    context.verify_mode = ssl.CERT_NONE
    return context


def _old() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (_no_names(), "host names"),
        (_nothing_verified(), "verify certificates"),
        (_old(), "TLS 1.2"),
        ("/no/such/file.pem", "there is no file"),
        ("", "there is no file"),
        (True, "ca_bundle"),
        (False, "ca_bundle"),
        (5, "ca_bundle"),
    ],
    ids=["names", "none", "old", "no file", "empty", "True", "False", "number"],
)
def test_what_would_trust_anyone_or_nothing_is_refused_at_once(value: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"ca_bundle.*{why}|{why}"):
        WebSocketConfig(ca_bundle=value)
