"""The simulated exchange is on this machine and nowhere else: it has no TLS, and everybody knows its key."""

from __future__ import annotations

import pytest

from qt_upbit.simulator import SimulatedServer, SimulatorSettings
from qt_upbit.simulator.__main__ import main
from tests.support.names import LOCAL_NAME, resolver

ELSEWHERE = ["0.0.0.0", "::", "", "192.168.0.10", "exchange.example", "localhost.example.com"]


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_server_for_others_is_refused_before_it_listens(host: str) -> None:
    with pytest.raises(ValueError, match=r"this machine only: 127\.0\.0\.1"):
        SimulatedServer(host=host)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_the_command_line_refuses_it_too(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--host", host])
    assert ended.value.code == 2
    assert "is not this machine: use 127.0.0.1" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", LOCAL_NAME])
async def test_it_listens_on_this_machine_alone(host: str) -> None:
    settings = SimulatorSettings(markets=2, market_running=False)
    with resolver():
        async with SimulatedServer(settings, host=host) as server:
            assert server._runner is not None
            addresses = [address[0] for address in server._runner.addresses]
    assert addresses
    assert all(address in ("127.0.0.1", "::1") for address in addresses)


def test_ipv6_loopback_is_this_machine() -> None:
    assert SimulatedServer(host="::1").url.startswith("http://[::1]:")
