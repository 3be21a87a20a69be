"""Times before 1970, which Windows' own functions refuse; nothing else turns times into datetimes."""

from __future__ import annotations

import ast
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, Self

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.panels.chart.bars import UNITS, TimeGrid, Unit
from qt_upbit import KST, epoch
from qt_upbit.epoch import datetime_at, local_datetime_at
from qt_upbit.item_models.fields import text_of
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings
from tests.test_committed_files import ROOT, files

FAIL_BEFORE_1970: Final = {
    "ctime", "fromSecsSinceEpoch", "fromtimestamp", "gmtime", "localtime", "mktime", "utcfromtimestamp",
}  # fmt: skip


class WindowsDatetime(datetime):
    """Fails where Windows' does: there, C's functions know no time before the epoch."""

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: tzinfo | None = None) -> Self:
        if timestamp < 0:
            raise OSError(22, "Invalid argument")
        return super().fromtimestamp(timestamp, tz)  # this is the function that fails

    def astimezone(self, tz: tzinfo | None = None) -> Self:
        if tz is None and self < datetime(1970, 1, 1, tzinfo=UTC):
            raise OSError(22, "Invalid argument")
        return super().astimezone(tz)

    def timestamp(self) -> float:
        if self.tzinfo is None and self.year < 1970:
            raise OSError(22, "Invalid argument")
        return super().timestamp()


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every module of the project has Windows' datetimes."""
    for name, module in list(sys.modules.items()):
        if (
            name.partition(".")[0] in ("qt_upbit", "demo_app")
            and getattr(module, "datetime", None) is datetime
        ):
            monkeypatch.setattr(module, "datetime", WindowsDatetime)
    first = epoch._EPOCH
    monkeypatch.setattr(epoch, "_EPOCH", WindowsDatetime(1970, 1, 1, tzinfo=UTC))
    assert first == epoch._EPOCH
    monkeypatch.setattr(epoch, "_FIRST_OF_WINDOWS", epoch._EPOCH + timedelta(days=2))


def test_nothing_asks_the_system_for_the_date_of_a_time() -> None:
    found = []
    for path in files():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_bytes())):
                name = getattr(node, "attr", None) or getattr(node, "name", None)
                if name in FAIL_BEFORE_1970 and path.name != "test_epoch.py":
                    found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} {name}")
    assert not found, "use qt_upbit.epoch: Windows knows no time before 1970"


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)))
def test_every_time_has_its_datetime(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    whole = moment.replace(microsecond=0)
    assert datetime_at(int(whole.timestamp())) == whole
    there = datetime_at(int(whole.timestamp()), KST, milliseconds=moment.microsecond // 1000)
    assert there == whole + timedelta(milliseconds=moment.microsecond // 1000)
    assert there.utcoffset() == timedelta(hours=9)


@pytest.mark.parametrize("seconds", [-1, -0.001, -12 * 3600, -2_208_988_800, 0, 1.5, 1_800_000_000])
def test_local_times_before_1970(on_windows: None, seconds: float) -> None:
    here = local_datetime_at(seconds)
    assert here == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert here.utcoffset() is not None


def test_times_that_no_calendar_has() -> None:
    for seconds in (1e15, -1e15):
        with pytest.raises(OverflowError):
            datetime_at(seconds)
        assert text_of("trade_timestamp", int(seconds * 1000)) == str(int(seconds * 1000))


def test_a_cell_before_1970(on_windows: None) -> None:
    assert text_of("trade_timestamp", -1).endswith(":59:59")


@pytest.mark.parametrize("unit", UNITS, ids=str)
def test_the_axis_of_the_chart_before_1970(on_windows: None, unit: Unit) -> None:
    grid = TimeGrid(unit)
    first = grid.slot(-86_400 * 400)
    last = first + 300
    assert grid.start(first) <= -86_400 * 400 < grid.start(first + 1)
    assert grid.text(first).startswith("196")
    assert all(first <= slot <= last for slot, _ in grid.ticks(first, last, 30))


@pytest.mark.parametrize("unit", ["years", "months", "weeks", "days", "minutes/240"])
async def test_candles_before_1970(on_windows: None, unit: str) -> None:
    async with (
        SimulatedServer(SimulatorSettings(markets=5, account_running=False, market_running=False)) as server,
        aiohttp.ClientSession() as http,
    ):
        for query in ("count=200", "count=3&to=1965-03-04T00:00:00"):
            if unit == "years" and "to" not in query:
                continue  # two hundred years of days take seconds
            async with http.get(f"{server.url}/v1/candles/{unit}?market=KRW-BTC&{query}") as reply:
                rows: list[dict[str, Any]] = await reply.json()
                assert reply.status == 200, rows
