"""`Names`: lookups in threads, shared, and left behind without harm."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from qt_upbit.network.names import Names
from tests.support.wait import turns, until
from tests.support.world import fake_names


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "192.0.2.7"])
async def test_a_literal_address_asks_nobody(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_names(monkeypatch, {}) as fake:
        (entry,) = await Names().addresses(host, 443)
    assert entry[4][:2] == (host, 443)
    assert not fake.asked


async def test_addresses_keep_their_order_and_come_from_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_names(monkeypatch, {"exchange.test": ["2001:db8::1", "192.0.2.7"]}) as fake:
        found = await Names().addresses("exchange.test", 443)
    assert [entry[4][0] for entry in found] == ["2001:db8::1", "192.0.2.7"]
    assert fake.threads[0] is not threading.current_thread()


async def test_a_name_that_hangs_is_asked_for_once_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names()
    with fake_names(monkeypatch, {"exchange.test": ["192.0.2.7"]}) as fake:
        fake.hang()
        for _ in range(20):
            waiting = asyncio.create_task(names.addresses("exchange.test", 443))
            await turns()
            waiting.cancel()
        last = asyncio.create_task(names.addresses("exchange.test", 443))
        await until(lambda: fake.asked)
        fake.answer()
        assert len(await last) == 1
        assert len(fake.asked) == 1
        await names.addresses("exchange.test", 443)
        assert len(fake.asked) == 2, "an answer is not kept: addresses change"


async def test_a_failure_after_the_last_caller_left_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
    names = Names()
    with fake_names(monkeypatch, {}) as fake:
        fake.hang()
        waiting = asyncio.create_task(names.addresses("exchange.test", 443))
        await until(lambda: fake.asked)
        waiting.cancel()
        fake.answer()
        await until(lambda: not fake.threads[0].is_alive())
        await turns()
    assert not told


@pytest.mark.parametrize("host", ["exchange.test", "a" * 64 + ".test", "a..b", ""])
async def test_a_name_without_an_address_is_an_error_of_the_network(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match=r"."):
        await Names().addresses(host, 443)


async def test_two_ports_are_two_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_names(monkeypatch, {"exchange.test": ["192.0.2.7"]}):
        found = await asyncio.gather(*(Names().addresses("exchange.test", port) for port in (80, 443)))
    assert [entry[0][4][1] for entry in found] == [80, 443]
    assert all(entry[0][1] == socket.SOCK_STREAM for entry in found)
