"""Messages of one socket: as text that the exchange reads, counted, and gathered when they become scarce."""

from __future__ import annotations

import itertools
from typing import Any

from qt_upbit.config import WebSocketConfig
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection_outputs import ConnectionOutputs, SendText
from qt_upbit.protocol.message_sender import MessageSender
from qt_upbit.types import WireFormat

ITEM = wire.RequestItem("ticker", ("KRW-BTC",))


def made(**config: Any) -> tuple[MessageSender, ConnectionOutputs]:
    outputs = ConnectionOutputs()
    tickets = map(str, itertools.count(1))
    return MessageSender(WebSocketConfig(**config), tickets.__next__, outputs), outputs


def test_requests_and_questions_go_out_in_the_format_in_use() -> None:
    sender, outputs = made(wire_format=WireFormat.SIMPLE_LIST)
    sender.request([ITEM], 7, 1.0)
    assert sender.ask_for_list(7, 1.1) == "2"
    first, second = outputs.take_actions()
    assert isinstance(first, SendText)
    assert isinstance(second, SendText)
    assert first.epoch == second.epoch == 7
    request, question = wire.decode_request(first.text), wire.decode_request(second.text)
    assert (request.ticket, request.items, request.format) == ("1", (ITEM,), WireFormat.SIMPLE_LIST)
    assert (question.ticket, question.method) == ("2", wire.LIST_SUBSCRIPTIONS)
    assert question.format is WireFormat.SIMPLE_LIST


def test_every_message_counts() -> None:
    sender, _ = made(messages_per_second=2)
    sender.request([ITEM], 1, 1.0)
    assert sender.delay(1.0) == 0.0
    sender.ask_for_list(1, 1.0)
    assert 2.0 <= sender.delay(1.0) <= 2.2, "they may be under way for a second"
    assert sender.delay(3.5) == 0.0


def test_an_answer_shows_that_the_earlier_messages_have_arrived() -> None:
    sender, _ = made(messages_per_second=2)
    first = sender.request([ITEM], 1, 1.0)
    question = sender.ask_for_list(1, 1.0)
    sender.answered("another", 1.1)
    assert sender.delay(1.2) > 1.5
    sender.answered(question, 1.2)
    assert 0.9 <= sender.delay(1.2) <= 1.2
    sender.answered(first, 9.0)
    assert sender.delay(2.5) == 0.0, "an answer counts once"


def test_changes_are_gathered_for_longer_once_half_of_the_minute_is_used() -> None:
    sender, _ = made(messages_per_minute=20, coalesce_s=0.03)
    for number in range(9):
        sender.request([ITEM], 1, float(number))
    assert sender.coalesce_s(9.0) == 0.03
    sender.request([ITEM], 1, 9.0)
    assert sender.coalesce_s(9.0) == 2.0
    assert sender.coalesce_s(75.0) == 0.03, "a minute later"
