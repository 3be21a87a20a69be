"""How much property tests try: the Hypothesis profile of every run, and one of long runs with more examples.

A test that wants more or fewer examples than others says how many a long run shall have: ::

    @settings(max_examples=examples(300))
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings

__all__ = ["LONG", "ORDINARY", "examples", "register", "use"]

ORDINARY: Final = "ordinary"
LONG: Final = "long"
_LONG_EXAMPLES: Final = 200
_ORDINARY_EXAMPLES: Final = 50
_FEWEST: Final = 10


def register() -> None:
    """Make both profiles known.

    Neither has a time limit for an example: that of a test (pytest-timeout) is enough, and a busy machine
    is no fault. The ordinary one tries the same examples every time, in every process. The long one tries
    others each time, and prints with a failure what reproduces it (`@reproduce_failure`).
    """
    settings.register_profile(
        ORDINARY,
        deadline=None,
        derandomize=True,
        max_examples=_ORDINARY_EXAMPLES,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile(
        LONG, settings.get_profile(ORDINARY), derandomize=False, max_examples=_LONG_EXAMPLES, print_blob=True
    )


def use(name: str) -> None:
    """Use a profile for the tests that are imported from now on."""
    settings.load_profile(name)


def examples(count: int) -> int:
    """`count` in a long run, a quarter of them in an ordinary one."""
    return max(_FEWEST, count * settings().max_examples // _LONG_EXAMPLES)
