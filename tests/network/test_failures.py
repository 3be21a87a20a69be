"""The words for what fails: the same for sockets and REST, wherever in a chain of errors the cause is."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from qt_upbit import ConfigError
from qt_upbit.network.failures import NetworkError, config_error_in, describe, is_certificate_error

HOST = "api.upbit.com"


def certificate(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (certificate(20, "unable to get local issuer certificate"), ["local issuer", "ca_bundle", HOST]),
        (certificate(19, "self-signed certificate in certificate chain"), ["SSL_CERT_FILE"]),
        (certificate(10, "certificate has expired"), ["date and time"]),
        (certificate(9, "certificate is not yet valid"), ["date and time"]),
        (certificate(62, "Hostname mismatch"), ["in its place"]),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), [HOST, "SSL"]),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), [HOST, "SSL"]),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            [HOST, "Name or service not known"],
        ),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), ["Temporary failure"]),
        (OSError(errno.EMFILE, "Too many open files"), ["no file handle is left"]),
        (OSError(errno.ENFILE, "Too many open files in system"), ["no file handle is left"]),
        (OSError(errno.ENOBUFS, "No buffer space available"), ["no memory"]),
        (ConnectionResetError(), [HOST, "was cut"]),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), [HOST, "was cut"]),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), [HOST, "was refused"]),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), ["Network is unreachable"]),
        (NetworkError("proxy p:1 refuses"), ["proxy p:1 refuses"]),
        (TimeoutError("timed out while connecting"), ["timed out while connecting"]),
        (ValueError(), ["ValueError"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_cause_has_its_words_at_any_depth(error: Exception, says: list[str]) -> None:
    def wrapped() -> Exception:
        try:
            try:
                raise error
            except Exception as exc:
                raise RuntimeError("all attempts failed") from exc
        except RuntimeError as exc:
            return ExceptionGroup("several", [exc])

    for each in (error, wrapped()):
        text = describe(each, HOST)
        if str(error) or type(error) is not ValueError:
            for part in says:
                assert part in text


def test_only_refused_certificates_are_certificate_errors() -> None:
    assert is_certificate_error(certificate(20, "x"))
    assert not is_certificate_error(ssl.SSLError(1, "x"))
    assert not is_certificate_error(OSError())


def test_a_config_error_is_found_in_what_a_library_made_of_it() -> None:
    wrong = ConfigError("pip install")
    outer = RuntimeError("no connection")
    outer.__cause__ = wrong
    assert config_error_in(outer) is wrong
    assert config_error_in(RuntimeError()) is None


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = OSError("first"), OSError("second")
    first.__context__, second.__context__ = second, first
    assert describe(first, HOST) == "second"
