"""Trust: one TLS context for sockets and REST, made once, outside the GUI thread.

Trusted are the certificate authorities of the system, as OpenSSL and Python see them, or those of
``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` instead; certifi's where the system has none (Python from python.org on
macOS), and on Windows in addition, whose store fills itself only as programs of its own ask for a root; and
those of the setting ``ca_bundle`` in addition. TLS 1.2 and later, names always verified.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import certifi

from qt_upbit.network.background import call_in_thread
from qt_upbit.network.failures import NetworkError

__all__ = ["TrustError", "forget_contexts", "load_context", "tls_context"]

_FILE: Final = "SSL_CERT_FILE"
_DIRECTORY: Final = "SSL_CERT_DIR"
_lock: Final = threading.Lock()
"""Held while certificates are read: who needs the same ones waits for them instead of reading them again."""
_contexts: Final[dict[tuple[str, str, str], ssl.SSLContext]] = {}


class TrustError(NetworkError):
    """The certificates to trust cannot be read; the message says which and why."""


async def tls_context(ca_bundle: str | ssl.SSLContext | None) -> ssl.SSLContext:
    """The context for these settings; the first call reads the certificates, in a thread.

    Args:
        ca_bundle: a file of certificate authorities to trust in addition; a context is used as it is.

    Raises:
        TrustError: a file that is named cannot be read, or contains no certificate.
    """
    if isinstance(ca_bundle, ssl.SSLContext):
        return ca_bundle
    key = (ca_bundle or "", os.environ.get(_FILE, ""), os.environ.get(_DIRECTORY, ""))
    context = _contexts.get(key)
    if context is None:
        context = await call_in_thread(lambda: _load_once(key), "qt_upbit certificates")
    return context


def forget_contexts() -> None:
    """Have the next call of `tls_context` read the certificates again: a refused one may be trusted now."""
    _contexts.clear()


def _load_once(key: tuple[str, str, str]) -> ssl.SSLContext:
    with _lock:
        context = _contexts.get(key)
        if context is None:
            context = _contexts[key] = load_context(key[0])
        return context


def load_context(
    ca_bundle: str = "", *, environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> ssl.SSLContext:
    """Read the certificates. Takes tens of milliseconds: never call it in the GUI thread.

    Raises:
        TrustError: as in `tls_context`.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As browsers and Python before 3.13 do: authorities of companies and antivirus programs often leave out
    # what RFC 5280 asks for, and an intermediate authority may be all that their users were given.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if environ.get(_FILE):
        _add(context, environ[_FILE], _FILE)
    elif not environ.get(_DIRECTORY) and (platform == "win32" or _is_empty(context)):
        _add(context, certifi.where(), "certifi")
    if ca_bundle:
        _add(context, ca_bundle, "ca_bundle")
    return context


def _is_empty(context: ssl.SSLContext) -> bool:
    if context.cert_store_stats()["x509_ca"]:
        return False
    directory = ssl.get_default_verify_paths().capath  # read as needed, and never counted
    return not directory or not any(Path(directory).glob("*.[0-9]"))


def _add(context: ssl.SSLContext, path: str, what: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise TrustError(f"{what}: there is no certificate in PEM form in {path}") from None
    except OSError as exc:
        raise TrustError(f"{what}: cannot read {path}: {exc.strerror}") from None
