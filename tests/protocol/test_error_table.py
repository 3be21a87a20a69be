"""The table of Upbit's REST errors holds every name that was seen, and says which are refusals."""

from __future__ import annotations

import pytest

from qt_upbit.protocol.error_table import ERROR_TABLE, ORDER_NOT_FOUND, is_refusal
from tests.support.frames import rest_rows

SEEN = [
    (row["status"], row["body"]["error"]["name"])
    for name in ("rest.errors.jsonl", "2026-11/rest.errors.jsonl")
    for row in rest_rows(name)
]


@pytest.mark.parametrize(("status", "name"), SEEN, ids=str)
def test_a_name_that_was_seen_is_in_the_table(status: int, name: str | int) -> None:
    """Numbers are those of the Quotation API: as names they say nothing."""
    if isinstance(name, int):
        assert str(name) not in ERROR_TABLE
        assert not is_refusal(status, str(name))
    else:
        assert status in ERROR_TABLE[name].statuses
        assert is_refusal(status, name) is (status < 500)


@pytest.mark.parametrize("status", [None, 200, 301, 399, 500, 503, 599])
def test_only_a_4xx_is_a_refusal(status: int | None) -> None:
    for name in (*ERROR_TABLE, "", "something_new"):
        assert not is_refusal(status, name)


def test_what_may_speak_of_a_copy_is_no_refusal() -> None:
    unclear = {name for name, spec in ERROR_TABLE.items() if not spec.is_refusal}
    assert unclear == {"duplicated_identifier", "nonce_used", "internal_server_error"}
    for name, spec in ERROR_TABLE.items():
        for status in spec.statuses:
            assert is_refusal(status, name) is (name not in unclear)
    assert ORDER_NOT_FOUND in ERROR_TABLE
