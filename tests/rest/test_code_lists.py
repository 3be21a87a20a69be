"""A list with codes that are not listed any more: the living are delivered and the dead are named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import ByCode, Credentials, RestClient, RestError, WebSocketConfig
from qt_upbit.rest.code_lists import ask_for_codes
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
CALLS = ("get_tickers", "get_orderbooks", "get_instruments")


class Exchange:
    """Answers 404 for a list with a dead code, as Upbit does."""

    def __init__(
        self, living: Collection[str], listed: Collection[str], silent: Collection[str] = ()
    ) -> None:
        self.living = living
        self._listed = listed
        self._silent = silent
        self.calls: list[Sequence[str]] = []

    async def ask(self, codes: Sequence[str]) -> dict[str, str]:
        self.calls.append(tuple(codes))
        if not set(codes) <= set(self.living):
            raise RestError("GET /v1/ticker", 404, "404", "Code not found")
        return {code: code.lower() for code in codes if code not in self._silent}

    async def listed(self) -> Collection[str]:
        self.calls.append(())
        return self._listed

    def find(self, codes: Sequence[str], size: int = 4) -> ByCode[str]:
        return asyncio.run(ask_for_codes(codes, size, self.ask, self.listed))


def test_without_a_dead_code_nothing_more_is_asked() -> None:
    exchange = Exchange("ABC", "ABC")
    found = exchange.find("ABC")
    assert (found, found.missing) == ({"A": "a", "B": "b", "C": "c"}, ())
    assert exchange.calls == [("A", "B", "C")]


def test_the_exchanges_list_shows_which_codes_are_dead(caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange("ACD", "ACD")
    with caplog.at_level(logging.WARNING):
        found = exchange.find("ABCD")
    assert (list(found), found.missing) == (["A", "C", "D"], ("B",))
    assert exchange.calls == [("A", "B", "C", "D"), (), ("A", "C", "D")]
    assert "No answer for B" in caplog.text


def test_where_that_list_is_wrong_the_codes_are_halved() -> None:
    found = Exchange("ABDE", "ABCDE").find("ABCDE", 5)
    assert (list(found), found.missing) == (["A", "B", "D", "E"], ("C",))


def test_a_code_without_an_entry_in_the_answer_is_named_too() -> None:
    exchange = Exchange("AB", "AB", silent="B")
    assert exchange.find("AB").missing == ("B",)
    assert exchange.find("B") == {}


def test_if_all_are_dead_it_is_an_error_that_names_them() -> None:
    for codes, listed in (("XY", "A"), ("XY", "AXY"), ("X", "A")):
        with pytest.raises(RestError, match="X.*Y" if len(codes) > 1 else "Code not found") as caught:
            Exchange("A", listed).find(codes)
        assert caught.value.status == 404


def test_other_errors_pass() -> None:
    async def ask(_codes: Sequence[str]) -> dict[str, str]:
        raise RestError("GET /v1/ticker", 500, "internal_server_error")

    with pytest.raises(RestError, match="500"):
        asyncio.run(ask_for_codes("AB", 2, ask, Exchange("A", "A").listed))


@given(
    codes=st.lists(st.integers(0, 60).map(str), min_size=1, max_size=40, unique=True),
    living=st.sets(st.integers(0, 60).map(str)),
    listed=st.sets(st.integers(0, 60).map(str)),
    size=st.integers(1, 50),
)
def test_whatever_is_dead_and_listed_the_living_come_and_the_work_is_bounded(
    codes: list[str], living: set[str], listed: set[str], size: int
) -> None:
    exchange = Exchange(living, living | listed)
    try:
        found = exchange.find(codes, size)
    except RestError:
        assert not living & set(codes)
    else:
        assert list(found) == [code for code in codes if code in living]
        assert found.missing == tuple(code for code in codes if code not in living)
    assert len(exchange.calls) <= 3 * len(codes) + 1


# --- over real sockets ------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(markets=40, account_running=False, market_running=False, rest_limit=None)
    async with SimulatedServer(settings) as running:
        yield running


@pytest_asyncio.fixture
async def rest(server: SimulatedServer) -> AsyncIterator[RestClient]:
    config = WebSocketConfig(base_url=server.url, credentials=KEYS, use_system_proxy=False)
    async with RestClient(config) as client:
        yield client


@pytest.mark.parametrize("name", CALLS)
async def test_each_call_about_a_list_names_the_dead(name: str, rest: RestClient) -> None:
    found = await getattr(rest, name)(["KRW-BTC", "KRW-MATIC", "KRW-ETH", "KRW-GONE"])
    assert list(found) == ["KRW-BTC", "KRW-ETH"]
    assert found.missing == ("KRW-MATIC", "KRW-GONE")
    for codes, named in ((["KRW-GONE"], "Code not found"), (["KRW-GONE", "KRW-WENT"], "KRW-GONE, KRW-WENT")):
        with pytest.raises(RestError, match=named):
            await getattr(rest, name)(codes)


@pytest.mark.parametrize("name", CALLS)
async def test_a_pair_that_is_delisted_while_we_look_takes_none_with_it(
    name: str, rest: RestClient, server: SimulatedServer
) -> None:
    assert not (await getattr(rest, name)(["KRW-BTC", "KRW-XRP"])).missing
    server.exchange.market.delist("KRW-XRP")
    found = await getattr(rest, name)(["KRW-BTC", "KRW-XRP"])
    assert (list(found), found.missing) == (["KRW-BTC"], ("KRW-XRP",))
