"""`encode_rows`: REST rows as JSON, with their numbers spelled as in captured bodies (protocol section 3.9).

The quotation calls write ``BigDecimal`` with eight decimals, rates with ten; the amounts of an account are
text already. Spelling never changes a value.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.simulator.market.spelling import Spell, fixed8, java_double, plain, scaled

__all__ = ["encode_rows"]

_json: Final = msgspec.json.Encoder()
_EIGHT_DECIMALS: Final = (
    "opening_price", "high_price", "low_price", "trade_price", "prev_closing_price", "change_price",
    "signed_change_price", "trade_volume", "acc_trade_price_24h", "acc_trade_volume",
    "acc_trade_volume_24h", "highest_52_week_price", "lowest_52_week_price", "candle_acc_trade_volume",
    "converted_trade_price", "total_ask_size", "total_bid_size", "ask_size", "bid_size",
)  # fmt: skip


def _rate(value: Decimal) -> str:
    """A rate with ten decimals, ``0E-10`` for none."""
    return str(value) if value else "0E-10"


_SPELLINGS: Final[dict[str, Spell]] = {
    **dict.fromkeys(_EIGHT_DECIMALS, fixed8),
    **dict.fromkeys(("change_rate", "signed_change_rate"), _rate),
    **dict.fromkeys(("acc_trade_price", "candle_acc_trade_price"), scaled),
    **dict.fromkeys(("ask_price", "bid_price"), java_double),
}
"""By key; others are plain."""


def encode_rows(rows: Any) -> bytes:
    """The JSON text of a call's answer."""
    return _json.encode(_spelled(rows, plain))


def _spelled(value: Any, spell: Spell) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(each, _SPELLINGS.get(key, plain)) for key, each in value.items()}
    if isinstance(value, list):
        return [_spelled(each, spell) for each in value]
    return msgspec.Raw(spell(value).encode()) if isinstance(value, Decimal) else value
