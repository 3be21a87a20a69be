"""Exactly the culprits of a refusal are found, and in few steps; with the connection: test_served.py."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.protocol.refusal_search import RefusalSearch


def run(owners: list[int], culprits: Collection[int]) -> tuple[set[int], int, int]:
    """Ask a server that refuses every request with a culprit in it.

    Returns who was found, how many requests were refused, and how many were accepted.
    """
    search, accepted, found = RefusalSearch(), set[int](), set[int]()
    asked: set[Any] = set(owners)
    refusals = acceptances = 0
    while asked - accepted:
        if not asked & set(culprits):
            accepted |= asked
            acceptances += 1
            released = search.accepted()
        else:
            refusals += 1
            suspects = [owner for owner in owners if owner in asked - accepted - found]
            if len(suspects) > 1:
                asked -= set(search.narrow(suspects))
                continue
            (culprit,) = suspects
            found.add(culprit)
            asked.discard(culprit)
            released = search.found()
        asked |= set(released)
    assert not search.is_running
    assert accepted | found == set(owners)
    return found, refusals, acceptances


def test_one_of_two() -> None:
    assert run([1, 2], {1}) == ({1}, 2, 1)
    assert run([1, 2], {2}) == ({2}, 2, 1)


def test_one_of_a_thousand() -> None:
    for culprit in (0, 499, 999):
        found, refusals, acceptances = run(list(range(1000)), {culprit})
        assert found == {culprit}
        assert refusals + acceptances <= 22
        assert refusals <= 11


@given(st.integers(1, 60), st.data())
def test_any_culprits_are_found_and_no_others(number: int, data: st.DataObject) -> None:
    owners = list(range(number))
    culprits = data.draw(st.sets(st.sampled_from(owners)))
    found, refusals, acceptances = run(owners, culprits)
    assert found == culprits
    assert refusals + acceptances <= 2 + 14 * len(culprits)


def test_newcomers_wait_for_the_end_together() -> None:
    search = RefusalSearch()
    assert search.narrow(["bad", "good"]) == ("good",)
    search.join("late")
    search.join("later")
    assert search.found() == ("good",)
    assert search.accepted() == ("late", "later")
    assert search.is_running
    assert search.accepted() == ()
    assert not search.is_running


def test_who_leaves_is_looked_for_no_more() -> None:
    search = RefusalSearch()
    search.narrow(["first", "second"])
    search.join("late")
    assert search.forget("second") == ()
    assert search.forget("first") == ("late",), "its turn comes at once"
    assert search.forget("late") == ()
    assert not search.is_running
    assert search.forget("unknown") == ()


def test_what_is_known_to_hold_a_culprit_is_not_tried_as_a_whole() -> None:
    search = RefusalSearch()
    assert search.narrow([1, 2, 3, 4]) == (3, 4)
    assert search.accepted() == (3,), "one of the others it is"
    assert search.found() == (4,)
    assert search.accepted() == ()


def test_after_a_culprit_was_found_the_others_are_tried_together() -> None:
    search = RefusalSearch()
    assert search.narrow([1, 2, 3, 4]) == (3, 4)
    assert search.narrow([1, 2]) == (2,)
    assert search.found() == (2,)
    assert search.accepted() == (3, 4)


def test_giving_up_forgets_everything() -> None:
    search = RefusalSearch()
    search.narrow([1, 2])
    search.in_vain.append(1)
    search.clear()
    assert not search.is_running
    assert search.in_vain == []
    assert search.accepted() == search.found() == ()
