"""For each stream the oldest subscription leads, whatever comes and goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.routing.signal_leaders import SignalLeaders
from qt_upbit.types import ALL_CODES, StreamKey

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")


def keys(*codes: str, type: str = "myOrder") -> list[StreamKey]:
    return [StreamKey(type, code) for code in codes]


def leaders_by_the_rule(held: dict[int, list[StreamKey]]) -> dict[int, set[StreamKey]]:
    """What must come out, worked out from nothing: as slow as it is plain."""
    everything = {(key.type, key.variant) for ours in held.values() for key in ours if key.code == ALL_CODES}
    taken: set[StreamKey] = set()
    led: dict[int, set[StreamKey]] = {}
    for subscription_id, ours in held.items():
        led[subscription_id] = {
            key
            for key in ours
            if key not in taken and (key.code == ALL_CODES or (key.type, key.variant) not in everything)
        }
        taken.update(ours)
    return led


def test_the_oldest_leads_and_the_next_follows_it() -> None:
    leaders = SignalLeaders()
    assert leaders.add(1, keys("KRW-BTC", "KRW-ETH")) == {1}
    assert leaders.add(2, keys("KRW-ETH", "KRW-XRP")) == {2}
    assert leaders.leads_all(1)
    assert leaders.led(2) == set(keys("KRW-XRP"))
    assert leaders.remove(1) == {2}
    assert leaders.leads_all(2)


def test_all_codes_lead_for_those_that_name_some() -> None:
    leaders = SignalLeaders()
    leaders.add(1, keys("KRW-BTC"))
    led = leaders.led(1)
    assert leaders.add(2, keys(ALL_CODES)) == {1, 2}
    assert not led
    assert leaders.add(3, keys(ALL_CODES)) == {3}
    assert leaders.add(4, keys("KRW-ETH")) == {4}
    assert not leaders.led(4)
    assert leaders.remove(2) == {3}
    assert leaders.remove(3) == {1, 4}
    assert led == set(keys("KRW-BTC")), "the view follows"


def test_unknown_ids_lead_nothing() -> None:
    leaders = SignalLeaders()
    assert leaders.remove(7) == set()
    assert not leaders.led(7)


TYPES = ("myOrder", "ticker")
HELD = st.lists(
    st.builds(
        StreamKey, st.sampled_from(TYPES), st.sampled_from((*CODES, ALL_CODES)), st.sampled_from([(), (1,)])
    ),
    min_size=1,
    max_size=4,
    unique=True,
)
STEPS = st.lists(st.one_of(HELD, st.integers(0, 5)), max_size=25)


@given(STEPS)
def test_in_any_order_of_coming_and_going(steps: list[list[StreamKey] | int]) -> None:
    leaders = SignalLeaders()
    held: dict[int, list[StreamKey]] = {}
    shown: dict[int, tuple[frozenset[StreamKey], bool]] = {}
    for number, step in enumerate(steps):
        if isinstance(step, int):
            gone = next(iter(list(held)[step : step + 1]), None)
            if gone is None:
                continue
            del held[gone], shown[gone]
            changed = leaders.remove(gone)
        else:
            held[number] = step
            changed = leaders.add(number, step)
        assert changed <= held.keys()
        for subscription_id in changed:
            shown[subscription_id] = (
                frozenset(leaders.led(subscription_id)),
                leaders.leads_all(subscription_id),
            )
        right = leaders_by_the_rule(held)
        assert {each: set(led) for each, (led, _) in shown.items()} == right, (
            "as far as changes were reported"
        )
        for subscription_id, (led, is_all) in shown.items():
            assert is_all == (len(led) == len(held[subscription_id]))
