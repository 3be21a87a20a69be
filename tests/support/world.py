"""A world outside: names with several addresses, a name server that hangs, a company's authority."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

_real_getaddrinfo = socket.getaddrinfo


class Authority:
    """A certificate authority made for this run; nothing of it is ever committed."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="The Company", organization_unit_name="Antivirus")

    def file(self, folder: Path) -> str:
        """A PEM file with its certificate, as a company hands it out."""
        path = folder / "company-ca.pem"
        self._ca.cert_pem.write_to_path(path)
        return str(path)

    def server_context(self, *names: str, **options: Any) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names, **options).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context


class FakeNames:
    """Answers name lookups of this process; literal addresses are left alone.

    Attributes:
        addresses: of each name, best first.
        threads: in which names were looked up.
    """

    def __init__(self, addresses: Mapping[str, list[str]]) -> None:
        self.addresses = dict(addresses)
        self.threads: list[threading.Thread] = []
        self.asked: list[str] = []
        self._answers = threading.Event()
        self._answers.set()

    def hang(self) -> None:
        """The name server does not answer any more."""
        self._answers.clear()

    def answer(self) -> None:
        """It does again."""
        self._answers.set()

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        with contextlib.suppress(OSError):
            return _real_getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            )
        if options.get("flags", 0) & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.asked.append(host)
        self.threads.append(threading.current_thread())
        self._answers.wait()
        if host not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            entry
            for address in self.addresses[host]
            for entry in _real_getaddrinfo(
                address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        ]


@contextlib.contextmanager
def fake_names(monkeypatch: pytest.MonkeyPatch, addresses: Mapping[str, list[str]]) -> Iterator[FakeNames]:
    """Have this process look names up here."""
    names = FakeNames(addresses)
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    try:
        yield names
    finally:
        names.answer()


@contextlib.contextmanager
def black_hole(address: str, port: int = 0) -> Iterator[int]:
    """An address that never answers a connect, as behind a firewall; gives its port.

    Its queue of connections is full, and the system drops what does not fit.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    fillers: list[socket.socket] = []
    try:
        listener.bind((address, port))
        listener.listen(0)
        at = listener.getsockname()
        for _ in range(4):
            filler = socket.socket(listener.family)
            filler.setblocking(False)
            filler.connect_ex(at)
            fillers.append(filler)
        yield at[1]
    finally:
        for each in (*fillers, listener):
            each.close()
