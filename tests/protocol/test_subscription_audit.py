"""When the server is asked for its own list, and which answer counts."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.protocol.subscription_audit import SubscriptionAudit
from qt_upbit.types import StreamKey

BTC, ETH = StreamKey("ticker", "KRW-BTC"), StreamKey("ticker", "KRW-ETH")


def test_it_asks_in_intervals_after_a_request() -> None:
    audit = SubscriptionAudit(60.0)
    assert audit.due == inf, "nothing was subscribed yet"
    audit.request_sent(100.0, ask_now=False)
    assert audit.due == 160.0
    audit.asked("one", 160.0)
    assert (audit.is_asked, audit.due) == (True, 220.0)
    assert audit.take_answer("one")
    assert not audit.is_asked


def test_without_an_interval_it_asks_only_when_the_answer_is_needed() -> None:
    audit = SubscriptionAudit(None)
    audit.request_sent(1.0, ask_now=False)
    assert audit.due == inf
    audit.want(5.0)
    assert audit.due == 5.0
    audit.asked("one", 5.0)
    assert audit.due == inf
    audit.request_sent(6.0, ask_now=True)
    assert audit.due == 6.0


def test_an_answer_to_a_question_before_a_request_is_none() -> None:
    audit = SubscriptionAudit(60.0)
    audit.request_sent(0.0, ask_now=True)
    audit.asked("one", 0.0)
    audit.request_sent(0.1, ask_now=False)
    assert not audit.take_answer("one"), "it speaks of the set before"
    assert not audit.is_asked


def test_who_waits_for_the_list_gets_one_of_the_newest_set() -> None:
    audit = SubscriptionAudit(60.0)
    audit.want(1.0)
    audit.asked("one", 1.0)
    audit.want(1.5)
    assert audit.due == 61.0, "the question is on its way"
    audit.request_sent(2.0, ask_now=False)
    assert audit.due == 2.0, "asked again: the first answer will not count"
    audit.asked("two", 2.0)
    assert not audit.take_answer("one")
    assert audit.take_answer("two")
    audit.request_sent(3.0, ask_now=False)
    assert audit.due == 63.0, "no waiter is left"


def test_a_question_that_must_wait_goes_out_after_what_it_waits_for() -> None:
    audit = SubscriptionAudit(60.0)
    audit.want(1.0)
    audit.postpone(1.2)
    assert audit.due > 1.2
    audit.skip(2.0)
    assert audit.due == 62.0


def test_another_socket_knows_nothing_of_questions() -> None:
    audit = SubscriptionAudit(60.0)
    audit.want(1.0)
    audit.asked("one", 1.0)
    audit.reset()
    assert (audit.due, audit.is_asked) == (inf, False)
    assert not audit.take_answer("one")
    audit.request_sent(2.0, ask_now=False)
    assert audit.due == 62.0


def test_the_same_difference_is_argued_about_once() -> None:
    audit = SubscriptionAudit(60.0)
    assert audit.should_resend({BTC})
    assert not audit.should_resend({BTC}), "the server insists"
    assert audit.should_resend({BTC, ETH})
    assert not audit.should_resend(set())
    assert audit.should_resend({BTC, ETH}), "in between all was well"


_steps = st.lists(
    st.sampled_from(["request", "ask now", "want", "ask", "answer", "old answer", "forget", "reset"]),
    max_size=30,
)


@pytest.mark.parametrize("interval_s", [None, 60.0])
@given(_steps)
def test_only_the_answer_to_the_last_question_after_the_last_request_counts(
    interval_s: float | None, steps: list[Any]
) -> None:
    audit = SubscriptionAudit(interval_s)
    awaited: str | None = None
    asked: list[str] = []
    for number, step in enumerate(steps):
        now = float(number)
        match step:
            case "request" | "ask now":
                audit.request_sent(now, ask_now=step == "ask now")
                awaited = None
            case "want":
                audit.want(now)
            case "ask":
                awaited = f"ticket {number}"
                asked.append(awaited)
                audit.asked(awaited, now)
            case "answer" if asked:
                assert audit.take_answer(asked[-1]) is (awaited == asked[-1])
                awaited = None if awaited == asked[-1] else awaited
            case "old answer" if len(asked) > 1:
                assert not audit.take_answer(asked[-2])
            case "forget":
                audit.forget_question()
                awaited = None
            case "reset":
                audit.reset()
                awaited = None
        assert audit.is_asked is (awaited is not None)
        assert audit.due >= 0.0
