"""`read_number`: a price or an amount as typed or pasted by a person."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

__all__ = ["read_number"]

_NUMBER: Final = re.compile(
    r"""
    (?=\.?[0-9])                                             # a digit, somewhere
    (?P<whole> [0-9]{0,20} | [1-9][0-9]{0,2}(,[0-9]{3}){1,6} )
    (?P<fraction> \.[0-9]{0,20} )?
    """,
    re.VERBOSE,
)


def read_number(text: str) -> Decimal | None:
    """Parse a number typed or pasted by a person: exactly what was meant, or None, never another number.

    * Digits 0 to 9 with a point as decimal mark: ``155772000``, ``0.00000001``, ``.5``, ``12.``; at most 20
      on each side of it.
    * Commas stand between complete groups of three, or not at all: ``155,772,000``. ``0,5``, ``1,5`` and
      ``1,2345`` use a comma as decimal mark or are slips; ``0,001`` surely means a thousandth.
    * Blanks around are ignored, of every kind that Unicode has; within, they are wrong.
    * Nothing else: no sign, exponent, currency or underscore, and no digits of other scripts or full width.

    Show None as an error; treat an empty field separately, if that is allowed. Neither the ambient decimal
    context nor the locale matters.

    Args:
        text: as it stands in the field.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    return Decimal(found["whole"].replace(",", "") + (found["fraction"] or ""))
