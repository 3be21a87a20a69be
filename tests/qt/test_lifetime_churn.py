"""Many proxies, many reconnects, and nothing left; the large numbers are commands in tests/soak."""

from __future__ import annotations

import pytest

from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager
from tests.support.churn import WAYS, churn, reconnect
from tests.support.cpu_share import CpuShare

pytestmark = pytest.mark.filterwarnings("ignore:the proxy .* was collected:ResourceWarning")
"""Proxies are dropped here while they subscribe, on purpose."""


@pytest.mark.parametrize("way", WAYS)
async def test_proxies_made_and_ended_leave_nothing(
    server: SimulatedServer, make_manager: MakeManager, way: str
) -> None:
    done = await churn(200, way, server, make_manager(server))
    assert done.after.leaked_since(done.before) == {}


async def test_reconnects_leave_nothing(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server, recover_gaps=False, backoff_initial_s=0.01, backoff_max_s=0.02)
    share = CpuShare()
    done = await reconnect(5, server, manager)
    assert done.after.leaked_since(done.before) == {}
    if violations := dict(server.exchange.violations):
        # On a stalled machine, what was begun in time arrives in a burst, and the exchange counts arrivals.
        share.excuse(f"limits broken: {violations}", 0.1)
