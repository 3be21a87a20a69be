"""Proxies made by hand, on this machine: HTTP CONNECT and SOCKS5."""

from __future__ import annotations

import asyncio
import base64
import ssl
from enum import Enum, auto

from tests.support.relays import Relay, reset


class After(Enum):
    """What a proxy does with a CONNECT that it lets in."""

    PASS_ON = auto()
    RESET = auto()
    """Accept it and reset the connection."""
    RESET_AT_ONCE = auto()
    """Reset the connection without an answer."""
    HANG = auto()
    """Never answer."""
    HANG_UP = auto()
    """Close without an answer."""


class HttpProxy(Relay):
    """CONNECT for any host, all of which are the target.

    Attributes:
        targets: what was asked for, such as ``exchange.test:443``, as often as it was.
        requests: the whole heads, with their headers.
        status: of the answer; other than 200 refuses.
        login: user name and password, without which it is 407.
        authenticate: what a 407 offers.
        after: what happens next.
    """

    def __init__(
        self,
        target: int,
        *,
        login: tuple[str, str] | None = None,
        status: int = 200,
        after: After = After.PASS_ON,
        authenticate: str = 'Basic realm="office"',
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(target, context=context)
        self.targets: list[str] = []
        self.requests: list[str] = []
        self.status = status
        self.login = login
        self.authenticate = authenticate
        self.after = after

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        method, target, _ = head.partition("\r\n")[0].split(" ")
        assert method == "CONNECT", "nothing but CONNECT is asked of a proxy"
        self.targets.append(target)
        if self.after is After.HANG:
            await asyncio.Event().wait()
        if self.after is After.RESET_AT_ONCE:
            reset(writer)
            return
        if self.after is After.HANG_UP:
            return
        more = ""
        status = self.status
        if self.login is not None and self._basic(*self.login) not in head:
            status, more = 407, f"Proxy-Authenticate: {self.authenticate}\r\n"
        body = "" if status == 200 else "<html>refused</html>"
        length = "" if status == 200 else f"Content-Length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 {status} Whatever\r\n{more}{length}\r\n{body}".encode())
        await writer.drain()
        if status != 200:
            return
        if self.after is After.RESET:
            reset(writer)
            return
        await self.pass_on(reader, writer, "127.0.0.1", self.target)

    @staticmethod
    def _basic(user: str, password: str) -> str:
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return f"\r\nProxy-Authorization: Basic {login}\r\n"


class SocksProxy(Relay):
    """SOCKS5 for any host, all of which are the target.

    Attributes:
        targets: host and port that were asked for.
        login: user name and password that it wants.
        reply: code of the answer; other than 0 refuses.
    """

    def __init__(self, target: int, *, login: tuple[str, str] | None = None, reply: int = 0) -> None:
        super().__init__(target)
        self.targets: list[tuple[str, int]] = []
        self.login = login
        self.reply = reply

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version, count = await reader.readexactly(2)
        assert version == 5
        methods = await reader.readexactly(count)
        wanted = 0 if self.login is None else 2
        if wanted not in methods:
            writer.write(b"\x05\xff")
            await writer.drain()
            return
        writer.write(bytes((5, wanted)))
        if self.login is not None:
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            is_right = (user.decode(), password.decode()) == self.login
            writer.write(bytes((1, 0 if is_right else 1)))
            await writer.drain()
            if not is_right:
                return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(map(str, await reader.readexactly(4)))
        else:
            assert kind == 3
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.targets.append((host, port))
        writer.write(bytes((5, self.reply, 0, 1, 0, 0, 0, 0, 0, 0)))
        await writer.drain()
        if self.reply == 0:
            await self.pass_on(reader, writer, "127.0.0.1", self.target)
