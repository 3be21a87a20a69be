"""Answers to order requests: an order as Upbit returns it, errors, and everything that is not conclusive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.http_server import CUT, Answer

__all__ = ["HTML", "NOT_FOUND", "NO_ANSWERS", "error", "row"]

HTML = b"<html><body>Bad gateway</body></html>"
NOT_FOUND = Answer(404, {"error": {"name": "order_not_found", "message": "주문을 찾지 못했습니다."}})


def error(status: int, name: str | int, **headers: str) -> Answer:
    return Answer(status, {"error": {"name": name, "message": "…"}}, headers=headers)


def row(identifier: str | None, uuid: str = "u-1", **fields: Any) -> dict[str, Any]:
    """An order as Upbit returns it."""
    return {
        "market": "KRW-BTC", "uuid": uuid, "side": "bid", "ord_type": "limit", "price": "155772000",
        "state": "wait", "created_at": "2026-11-30T09:00:00+09:00", "volume": "0.001",
        "remaining_volume": "0.001", "executed_volume": "0", "reserved_fee": "77.886",
        "remaining_fee": "77.886", "paid_fee": "0", "locked": "155849.886", "trades_count": 0,
        **({} if identifier is None else {"identifier": identifier}),
    } | fields  # fmt: skip


NO_ANSWERS = {
    "cut": CUT,
    "302": Answer(302, headers={"Location": "https://example.com/login"}),
    "304": Answer(304),
    "400 without a body": Answer(400),
    "400 with HTML": Answer(400, HTML, "text/html"),
    "400 with a list": Answer(400, []),
    "400 with a text": Answer(400, {"error": "bad"}),
    "400 with a number for a name": error(400, 400),
    "400 with an unknown name": error(400, "something_new"),
    "400 cut in its JSON": Answer(400, b'{"error":{"name":"insufficient_funds_bid"'),
    "400 truncated": replace(error(400, "insufficient_funds_bid"), is_truncated=True),
    "400 duplicated": error(400, "duplicated_identifier"),
    "401 with HTML": Answer(401, HTML, "text/html"),
    "401 nonce used": error(401, "nonce_used"),
    "403 with HTML": Answer(403, HTML, "text/html"),
    "404 with HTML": Answer(404, HTML, "text/html"),
    "404 code not found": error(404, 404),
    "405": Answer(405),
    "407": Answer(407, HTML, "text/html"),
    "408": Answer(408),
    "409": Answer(409, HTML, "text/html"),
    "413": Answer(413, HTML, "text/html"),
    "418": error(418, "too_many_requests"),
    "425": Answer(425),
    "451": Answer(451, HTML, "text/html"),
    "499": Answer(499),
    "500 with a name": error(500, "internal_server_error"),
    "500 with a name of a refusal": error(500, "insufficient_funds_bid"),
    "502": Answer(502, HTML, "text/html"),
    "503": Answer(503),
    "504": Answer(504, HTML, "text/html"),
    "200 without a body": Answer(200),
    "201 with HTML": Answer(201, HTML, "text/html"),
    "201 with a list": Answer(201, []),
    "201 with half an order": Answer(201, {"uuid": "u-1", "market": "KRW-BTC"}),
    "201 truncated": replace(Answer(201, row("mine-1")), is_truncated=True),
    "201 with another order": Answer(201, row("theirs", "u-2")),
    "201 with an order without an identifier": Answer(201, row(None, "u-2")),
    "201 with an order of another market": Answer(201, row("mine-1", "u-2", market="KRW-ETH")),
    "201 with an order of the other side": Answer(201, row("mine-1", "u-2", side="ask")),
    "201 with an error": error(201, "insufficient_funds_bid"),
}
"""Answers that leave the outcome of the order unknown."""
