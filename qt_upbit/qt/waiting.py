"""`limited`: an end for what would otherwise wait as long as there is no connection."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable

from qt_upbit.exceptions import InvalidRequestError, QtUpbitError, WaitTimeoutError

__all__ = ["check_timeout", "limited"]


def check_timeout(timeout: float | None) -> None:
    """Refuse what is no time to wait, at the call.

    Raises:
        InvalidRequestError: it is not None and not a number of seconds above zero.
    """
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, float | int) or not timeout > 0:
        raise InvalidRequestError(
            f"timeout must be seconds above zero, or math.inf for no limit, not {timeout!r:.80}"
        )


@contextlib.asynccontextmanager
async def limited(
    timeout: float | None, what: Callable[[], str], reason: Callable[[], QtUpbitError | None]
) -> AsyncIterator[None]:
    """Limit the time of a block.

    Args:
        timeout: seconds; None or `math.inf` for no limit.
        what: says what was awaited, for the message.
        reason: the last cause that is known.

    Raises:
        WaitTimeoutError: it took longer.
    """
    limit = asyncio.timeout(None if timeout is None or timeout == math.inf else timeout)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired() or timeout is None:
            raise
        cause = reason()
        # The cause is reported elsewhere as well, and must not accumulate frames.
        error = WaitTimeoutError(what(), timeout, cause)
        raise error from (None if cause is None else cause.with_traceback(None))
