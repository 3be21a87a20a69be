"""What a failure on the way to the exchange is called: the same words for sockets and REST."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from qt_upbit.exceptions import ConfigError

__all__ = ["NetworkError", "config_error_in", "describe", "is_certificate_error"]

_NO_HANDLES: Final = (errno.EMFILE, errno.ENFILE)
_NO_MEMORY: Final = (errno.ENOBUFS, errno.ENOMEM)
_CLOCK_CODES: Final = (9, 10)
"""OpenSSL: not yet valid, expired."""
_NAME_CODES: Final = (62, 63, 64)
"""OpenSSL: another host, e-mail or address."""
_CA_ADVICE: Final = (
    "behind a company's or antivirus's proxy, name the file of its certificate authority in ca_bundle or "
    "SSL_CERT_FILE"
)


class NetworkError(OSError):
    """A failure whose message is for users as it is."""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, the original last; of a group, its first."""
    seen: set[int] = set()
    below: BaseException | None = error
    while below is not None and id(below) not in seen:
        seen.add(id(below))
        yield below
        if isinstance(below, BaseExceptionGroup):
            below = below.exceptions[0]
        else:
            below = below.__cause__ or below.__context__


def is_certificate_error(error: BaseException) -> bool:
    """Whether the other side's certificate was refused."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def config_error_in(error: BaseException) -> ConfigError | None:
    """The `ConfigError` that an HTTP library has wrapped, if there is one: no waiting helps there."""
    return next((cause for cause in _causes(error) if isinstance(cause, ConfigError)), None)


def describe(error: BaseException, host: str) -> str:
    """Why there is no connection, and what to do where something can be done.

    Args:
        error: of the system, the TLS library or this package, perhaps within another library's.
        host: of the exchange.
    """
    said = ""
    for cause in _causes(error):
        match cause:
            case NetworkError():
                return str(cause)
            case ssl.SSLCertVerificationError():
                return _describe_certificate(cause, host)
            case ssl.SSLError():
                reason = getattr(cause, "reason", None) or str(cause)
                return f"TLS with {host} failed (SSL: {reason}): check what lies between"
            case socket.gaierror():
                return (
                    f"the address of {host} cannot be found ({cause.strerror}): check network and name server"
                )
            case ConnectionRefusedError():
                return f"the connection to {host} was refused: no one listens, or a firewall is between"
            case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
                return f"the connection to {host} was cut before it was made: check proxy and firewall"
            case OSError() if cause.errno in _NO_HANDLES:
                return (
                    f"no file handle is left (too many open files): close some, or raise the limit ({host})"
                )
            case OSError() if cause.errno in _NO_MEMORY:
                return f"the system has no memory left for a connection to {host}"
        said = str(cause) or said
    return said or type(error).__name__


def _describe_certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    code = getattr(error, "verify_code", 0)
    reason = getattr(error, "verify_message", "") or str(error)
    if code in _CLOCK_CODES:
        advice = "check the date and time of this machine"
    elif code in _NAME_CODES:
        advice = "something else answers in its place: check network, proxy and name server"
    else:
        advice = _CA_ADVICE
    return f"the certificate of {host} is not trusted: {reason} (CERTIFICATE_VERIFY_FAILED); {advice}"
