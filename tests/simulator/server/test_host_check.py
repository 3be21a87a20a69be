"""A page that has its own name resolve to this machine reads nothing here."""

from __future__ import annotations

import aiohttp
import pytest

from qt_upbit.simulator.__main__ import _parse
from qt_upbit.simulator.server.host_check import refuse_host
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings

HERE = ["localhost", "LocalHost:80", "127.0.0.1:5000", "127.9.9.9", "[::1]", "[::1]:8080", "localhost."]
ELSEWHERE = [
    "evil.example",
    "evil.example:5000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "evil.example@127.0.0.1",
    "127.0.0.1:80:90",
    "127.0.0.1 evil.example",
    "[::1",
    "::1",
    "10.0.0.1",
    "0.0.0.0",
    "[fe80::1]",
    "2130706433",
    "",
    ":80",
    "localhost,evil.example",
    "löcalhost",
]


@pytest.mark.parametrize("host", HERE)
def test_loopback_names_and_addresses_pass(host: str) -> None:
    assert refuse_host([host]) is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_others_are_refused_by_name(host: str) -> None:
    refusal = refuse_host([host], names=["exchange.test"])
    assert refusal is not None
    assert refusal.status == 421
    assert b"allow-host" in refusal.body


@pytest.mark.parametrize("headers", [[], ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_there_is_one_host(headers: list[str]) -> None:
    assert refuse_host(headers) is not None


def test_configured_names_pass() -> None:
    assert refuse_host(["Exchange.Test:443"], names=["exchange.test"]) is None
    assert refuse_host(["www.exchange.test"], names=["exchange.test"]) is not None


PATHS = [
    "/v1/market/all",
    "/v1/ticker?markets=KRW-BTC",
    "/simulator/faults",
    "/simulator/sockets",
    "/websocket/v1",
]


@pytest.mark.parametrize("path", PATHS)
async def test_sockets_rest_and_control_ask_for_it(path: str) -> None:
    settings = SimulatorSettings(markets=3, market_running=False, rest_limit=None)
    async with (
        SimulatedServer(settings, hosts=["exchange.test"]) as server,
        aiohttp.ClientSession() as http,
    ):
        for host, allowed in (("evil.example", False), ("exchange.test", True), ("localhost", True)):
            if path.startswith("/websocket"):
                try:
                    async with http.ws_connect(server.url + path, headers={"Host": host}):
                        status = 101
                except aiohttp.WSServerHandshakeError as exc:
                    status = exc.status
            else:
                async with http.get(server.url + path, headers={"Host": host}) as answer:
                    status = answer.status
            assert status == (421 if not allowed else 101 if path.startswith("/websocket") else 200)


async def test_a_fault_is_not_injected_for_another_host() -> None:
    async with (
        SimulatedServer(SimulatorSettings(markets=3, market_running=False)) as server,
        aiohttp.ClientSession() as http,
    ):
        url, body = f"{server.url}/simulator/faults", b'{"kind":"reset","scope":"public"}'
        async with http.post(url, data=body, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421


def test_names_come_from_the_command_line() -> None:
    assert _parse([]).allow_host == []
    assert _parse(["--allow-host", "a.test", "--allow-host", "b.test"]).allow_host == ["a.test", "b.test"]
