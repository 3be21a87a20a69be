"""The names of Upbit's REST errors, declared once (protocol sections 9.5 and 13).

A name in this table says that Upbit itself has read the request and what it made of it. Anything else, a
number, a page of HTML, an undocumented name, may come from a proxy on the way and says nothing
about what became of the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["ERROR_TABLE", "ORDER_NOT_FOUND", "ErrorSpec", "is_refusal"]

ORDER_NOT_FOUND: Final = "order_not_found"
"""Upbit knows no such order; the only answer that says so."""


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """One named error.

    Attributes:
        statuses: HTTP statuses it is documented with.
        is_refusal: the request was refused and nothing was done. False where the name does not say so:
            a copy of the same request may have been carried out before, or the exchange failed midway.
    """

    statuses: tuple[int, ...]
    is_refusal: bool = True


_SIDES: Final = ("ask", "bid")

ERROR_TABLE: Final[Mapping[str, ErrorSpec]] = {
    # the request
    "validation_error": ErrorSpec((400,)),
    "bad_request": ErrorSpec((400,)),
    "invalid_parameter": ErrorSpec((400,)),
    "QUERY_PARAMETER_NOT_SUPPORTED": ErrorSpec((400,)),
    "notfoundmarket": ErrorSpec((400,)),
    "not_found": ErrorSpec((404,)),
    # the order
    **{f"create_{side}_error": ErrorSpec((400,)) for side in _SIDES},
    **{f"insufficient_funds_{side}": ErrorSpec((400,)) for side in _SIDES},
    **{f"under_min_total_{side}": ErrorSpec((400,)) for side in _SIDES},
    **{f"over_krw_funds_{side}": ErrorSpec((400,)) for side in _SIDES},
    **{f"invalid_price_{side}": ErrorSpec((400,)) for side in _SIDES},
    "invalid_time_in_force": ErrorSpec((400,)),
    "invalid_post_only": ErrorSpec((400,)),
    "duplicated_identifier": ErrorSpec((400,), is_refusal=False),
    "market_offline": ErrorSpec((403,)),
    ORDER_NOT_FOUND: ErrorSpec((404,)),
    # the account
    "pocket_not_found": ErrorSpec((404,)),
    "currency_not_found": ErrorSpec((404,)),
    "withdraw_address_not_registered": ErrorSpec((400,)),
    "open_api_withdraw_locked": ErrorSpec((403,)),
    # the key
    "invalid_query_payload": ErrorSpec((401,)),
    "invalid_access_key": ErrorSpec((401,)),
    "jwt_verification": ErrorSpec((401,)),
    "expired_access_key": ErrorSpec((401,)),
    "no_authorization_token": ErrorSpec((401,)),
    "no_authorization_ip": ErrorSpec((401,)),
    "out_of_scope": ErrorSpec((401, 403)),
    "nonce_used": ErrorSpec((401,), is_refusal=False),
    # the exchange
    "internal_server_error": ErrorSpec((500,), is_refusal=False),
}


def is_refusal(status: int | None, name: str) -> bool:
    """Whether an answer with this HTTP status and error name says that the request was not carried out.

    The status need not be the documented one, as long as it says that the request is at fault (4xx): the
    documentation has two for some names.
    """
    spec = ERROR_TABLE.get(name)
    return status is not None and 400 <= status < 500 and spec is not None and spec.is_refusal
