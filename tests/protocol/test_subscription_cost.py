"""What a request costs does not depend on how many there are. Counted, not timed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qt_upbit.frame_scan import Head
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Subscriber
from qt_upbit.types import Delivery, Scope, StreamKey
from tests.support.model_server import Rig, event, frame, stream_requests
from tests.support.work import lines_run

FEW, MANY = 20, 160
Phases = dict[str, int]


def _own_stream(number: int) -> str:
    return f"KRW-A{number}"


def _one_stream(_number: int) -> str:
    return "KRW-BTC"


def _phases(code_of: Callable[[int], str], count: int, **flags: bool) -> Phases:
    """Many owners come in one moment, are served, and go in another."""
    rig = Rig(linger_s=60.0)
    rig.add(*stream_requests("ticker", "KRW-KEEP"), owner="keep")
    rig.run(1.0)
    work = {}

    def come() -> None:
        for number in range(count):
            rig.add(*stream_requests("ticker", code_of(number), **flags), owner=number)

    def go() -> None:
        for number in range(count):
            rig.remove(number)

    def again() -> None:
        for number in range(count):
            rig.remove(number)
            come_back = stream_requests("ticker", code_of(number), **flags)
            rig.add(*come_back, owner=number)

    work["coming"], _ = lines_run(come)
    work["being served"], _ = lines_run(lambda: rig.run(1.0))
    assert all(
        rig.subscriptions.is_served(number, StreamKey("ticker", code_of(number))) for number in range(count)
    )
    work["coming again"], _ = lines_run(again)
    rig.run(1.0)
    work["going"], _ = lines_run(go)
    work["being let go"], _ = lines_run(lambda: rig.run(1.0))
    assert list(rig.subscriptions.desired(Scope.PUBLIC)) == [StreamKey("ticker", "KRW-KEEP")]
    work["losing the connection"], _ = lines_run(lambda: (come(), rig.run(1.0), rig.lose(), rig.run(1.0)))
    return work


@pytest.mark.parametrize("flags", [{}, {"realtime": False}], ids=["streams", "single snapshots"])
@pytest.mark.parametrize("code_of", [_own_stream, _one_stream])
def test_requests(code_of: Callable[[int], str], flags: dict[str, bool]) -> None:
    few, many = _phases(code_of, FEW, **flags), _phases(code_of, MANY, **flags)
    for phase in few:
        each, each_of_many = few[phase] / FEW, many[phase] / MANY
        assert each_of_many <= each * 1.1 + 1, phase


def test_a_refusal_among_many() -> None:
    """A search asks everything again at each step, and takes as many steps as the number has digits."""
    work = {}
    for count in (FEW, MANY):
        rig = Rig()
        rig.add(*stream_requests("ticker", "KRW-BTC"), owner="keep")
        rig.run(8.0)
        rig.server.refuse = lambda request: (
            ("WRONG_FORMAT", "") if any("KRW-A7" in (item.codes or ()) for item in request.items) else None
        )

        def refused(rig: Rig = rig, count: int = count) -> None:
            for number in range(count):
                rig.add(*stream_requests("ticker", _own_stream(number)), owner=number)
            rig.run(60.0)

        work[count], _ = lines_run(refused)
        assert all(
            rig.subscriptions.is_served(number, StreamKey("ticker", _own_stream(number))) == (number != 7)
            for number in range(count)
        )
    assert work[MANY] / MANY <= work[FEW] / FEW * 2.5


@pytest.mark.parametrize(
    "kinds",
    [[Delivery.LATEST], [Delivery.EVERY], [Delivery.LATEST, Delivery.EVERY]],
    ids=["latest", "every", "both"],
)
@pytest.mark.parametrize("code_of", [_own_stream, _one_stream])
def test_routes(code_of: Callable[[int], str], kinds: list[Delivery]) -> None:
    def phases(count: int) -> Phases:
        engine = DataRoutingEngine(FanoutHub(lambda delivery: None))

        def come() -> None:
            for number in range(count):
                subscriber = Subscriber(number, "one", kinds[number % len(kinds)])
                engine.attach(subscriber, [Target(StreamKey("ticker", code_of(number)))])

        def see() -> None:
            for code in {code_of(number) for number in range(count)}:
                engine.route(Head("ticker", code), frame(event("ticker", code)), 0.0)

        def go() -> None:
            for number in range(count):
                engine.detach(number)

        return {"coming": lines_run(come)[0], "seeing": lines_run(see)[0], "going": lines_run(go)[0]}

    few, many = phases(FEW), phases(MANY)
    for phase in few:
        each, each_of_many = few[phase] / FEW, many[phase] / MANY
        assert each_of_many <= each * 1.1 + 1, phase
