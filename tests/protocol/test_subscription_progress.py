"""Live, silent, refused, retried, closed: what waiting for a subscription comes to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import AuthenticationError, ProxyClosedError, ServerError, SubscriptionError
from qt_upbit.protocol.subscription_progress import SubscriptionProgress
from qt_upbit.types import StreamKey

BTC, ETH, XRP = KEYS = tuple(StreamKey("ticker", code) for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP"))


class Waiting:
    def __init__(self) -> None:
        self.progress = SubscriptionProgress("ticker", KEYS)
        self.calls = 0
        self.progress.add_waiter(self.resume)

    def resume(self) -> None:
        self.calls += 1


def test_it_is_settled_when_every_stream_is_live() -> None:
    waiting = Waiting()
    for key in KEYS:
        assert not waiting.progress.is_settled
        assert waiting.calls == 0
        waiting.progress.mark_live(key)
    assert waiting.progress.is_live
    assert waiting.progress.failure is None
    assert waiting.calls == 1


def test_streams_that_stay_silent_are_named() -> None:
    waiting = Waiting()
    waiting.progress.mark_live(BTC)
    assert waiting.progress.mark_silent([BTC, ETH], 3.0) == {ETH}
    assert not waiting.progress.is_settled
    assert waiting.progress.mark_silent([XRP, StreamKey("trade", "KRW-BTC")], 3.0) == {XRP}
    failure = waiting.progress.failure
    assert isinstance(failure, SubscriptionError)
    assert set(failure.codes) == {"KRW-ETH", "KRW-XRP"}
    assert not waiting.progress.is_live
    waiting.progress.mark_live(ETH)
    waiting.progress.mark_live(XRP)
    assert waiting.progress.failure is None
    assert waiting.progress.is_live


def test_a_refusal_settles_it_until_its_own_streams_are_served() -> None:
    waiting = Waiting()
    refusal = ServerError("WRONG_FORMAT")
    waiting.progress.mark_refused([BTC, ETH], refusal)
    assert waiting.calls == 1
    assert waiting.progress.failure is refusal
    waiting.progress.mark_live(XRP)
    assert waiting.progress.failure is refusal, "another code that is served says nothing of these"
    waiting.progress.mark_live(BTC)
    assert waiting.progress.refusal is None
    assert not waiting.progress.is_settled, "the third is still awaited"


def test_a_new_try_waits_for_a_new_answer() -> None:
    waiting = Waiting()
    for key in KEYS:
        waiting.progress.mark_live(key)
    waiting.progress.mark_refused(KEYS, AuthenticationError("expired_access_key", None))
    waiting.progress.mark_retried()
    assert not waiting.progress.is_settled
    assert waiting.progress.awaited == set(KEYS)
    for key in KEYS:
        waiting.progress.mark_live(key)
    assert waiting.progress.is_live


def test_closing_is_final() -> None:
    waiting = Waiting()
    waiting.progress.close()
    waiting.progress.close()
    assert isinstance(waiting.progress.failure, ProxyClosedError)
    for key in KEYS:
        waiting.progress.mark_live(key)
    assert waiting.progress.is_settled
    assert not waiting.progress.is_live
    assert isinstance(waiting.progress.failure, ProxyClosedError)


def test_a_waiter_that_was_removed_is_called_no_more() -> None:
    waiting = Waiting()
    waiting.progress.remove_waiter(waiting.resume)
    waiting.progress.remove_waiter(waiting.resume)
    waiting.progress.close()
    assert waiting.calls == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("live"), st.sampled_from(KEYS)),
        st.tuples(st.just("silent"), st.sets(st.sampled_from(KEYS))),
        st.tuples(st.just("refused"), st.sets(st.sampled_from(KEYS), min_size=1)),
        st.tuples(st.just("retried"), st.none()),
        st.tuples(st.just("closed"), st.none()),
    )
)


@given(STEPS)
@pytest.mark.parametrize("served_at_the_end", [True, False])
def test_in_any_order_it_never_waits_for_what_is_known(served_at_the_end: bool, steps: list[Any]) -> None:
    progress = SubscriptionProgress("ticker", KEYS)
    closed = False
    for what, keys in steps:
        if what == "live":
            progress.mark_live(keys)
        elif what == "silent":
            assert progress.mark_silent(keys, 3.0) <= keys
        elif what == "refused":
            progress.mark_refused(keys, ServerError("WRONG_FORMAT"))
        elif what == "retried":
            progress.mark_retried()
            assert progress.refusal is None
        else:
            progress.close()
            closed = True
        assert progress.silent <= progress.awaited <= set(KEYS)
        assert not (progress.is_live and closed)
        if progress.failure is None and progress.is_settled:
            assert progress.is_live
    if served_at_the_end:
        for key in KEYS:
            progress.mark_live(key)
        assert progress.is_live or closed or progress.refusal is None
        assert progress.is_settled
