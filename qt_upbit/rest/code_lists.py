"""`ask_for_codes`: calls about many pairs, of which some may not be listed any more.

Upbit answers such a call with 404 ``Code not found`` for the whole list, without saying which code it means
(protocol section 9.1). The others must not go without an answer for it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Generic, TypeVar

from qt_upbit.exceptions import RestError
from qt_upbit.records import ByCode

__all__ = ["ask_for_codes"]

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)
_NAMED_AT_MOST: Final = 20
"""Codes in one message."""


async def ask_for_codes(
    codes: Sequence[str],
    size: int,
    ask: Callable[[Sequence[str]], Awaitable[Mapping[str, _T]]],
    listed: Callable[[], Awaitable[Collection[str]]],
) -> ByCode[_T]:
    """What a call returns for each code; codes without an answer are named in `ByCode.missing`.

    After a 404 the exchange's own list says which codes to leave out: two more calls. Where that list is
    wrong the codes are halved until the answer comes, at most twice as many calls as there are codes.

    Args:
        codes: each once.
        size: codes per call.
        ask: makes one call; only its 404 is dealt with.
        listed: the codes that the exchange lists now.

    Raises:
        RestError: none of the codes is known (404), or a call failed otherwise.
    """
    search = _Search(ask, listed)
    found: dict[str, _T] = {}
    for begin in range(0, len(codes), size):
        found |= await search.answers(codes[begin : begin + size])
    missing = [code for code in codes if code not in found]
    if missing and search.refusal is not None and not found:
        raise _of_codes(search.refusal, missing)
    if missing:
        _log.warning("No answer for %s: not listed, or the exchange has nothing for it", _shown(missing))
    return ByCode({code: found[code] for code in codes if code in found}, missing)


class _Search(Generic[_T]):
    def __init__(
        self,
        ask: Callable[[Sequence[str]], Awaitable[Mapping[str, _T]]],
        listed: Callable[[], Awaitable[Collection[str]]],
    ) -> None:
        self._ask = ask
        self._ask_listed = listed
        self._listed: Collection[str] | None = None
        self.refusal: RestError | None = None

    async def answers(self, codes: Sequence[str]) -> Mapping[str, _T]:
        found = await self._try(codes)
        if found is not None or len(codes) == 1:
            return found or {}
        if self._listed is None:
            self._listed = await self._ask_listed()
        living = [code for code in codes if code in self._listed]
        if not living:
            return {}
        return await self._halved(living) if len(living) == len(codes) else await self._whole(living)

    async def _whole(self, codes: Sequence[str]) -> Mapping[str, _T]:
        found = await self._try(codes)
        return await self._halved(codes) if found is None else found

    async def _halved(self, codes: Sequence[str]) -> Mapping[str, _T]:
        if len(codes) == 1:
            return {}
        middle = len(codes) // 2
        return {**await self._whole(codes[:middle]), **await self._whole(codes[middle:])}

    async def _try(self, codes: Sequence[str]) -> Mapping[str, _T] | None:
        """The answer; None if a code is not known."""
        try:
            return await self._ask(codes)
        except RestError as exc:
            if exc.status != 404:
                raise
            self.refusal = exc
            return None


def _of_codes(refusal: RestError, codes: Sequence[str]) -> RestError:
    if len(codes) == 1:
        return refusal
    message = f"{refusal.message}: {_shown(codes)}"
    return RestError(refusal.call, refusal.status, refusal.name, message)


def _shown(codes: Sequence[str]) -> str:
    more = len(codes) - _NAMED_AT_MOST
    return ", ".join(codes[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
