"""The command that runs other people's clients: what it finds, and what docs/clients.md says of it."""

from __future__ import annotations

import pytest

from tests.clients.__main__ import PACKAGES, PAGE, Client, differences, page
from tests.clients.outcomes import AS_DECLARED, Outcomes

GOOD = {"method": "tickers.list", "works": True, "body": "yes"}


def test_the_page_has_every_client_and_nothing_that_fails() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in PACKAGES:
        assert f"\n## {name} " in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if "| yes | yes" not in row] == []
    assert "| `fetchOrderBooks` | yes | yes |" in rows


def test_a_failure_or_another_body_fails_the_command() -> None:
    client = Client("ccxt", "1.0", [GOOD])
    assert client.failures == []
    client.rows += [GOOD | {"works": False, "body": "it broke"}, GOOD | {"body": "no: without id"}]
    assert client.failures == ["ccxt tickers.list: it broke", "ccxt tickers.list: no: without id"]
    (unfinished,) = Client("ccxt", rows=[GOOD], stderr="Traceback").failures
    assert "did not finish" in unfinished


def test_the_page_names_what_was_not_called() -> None:
    text = page([Client("pyupbit", "0.2", [GOOD], ["withdraws.create", "get_daily_ohlcv_from_base"])])
    assert "| `tickers.list` | yes | yes |" in text
    assert "Not simulated: `withdraws.create`." in text
    assert "Not called: `get_daily_ohlcv_from_base`, which uses an option that pandas has removed" in text


def test_a_method_that_is_missing_now_is_a_difference_and_a_version_is_not() -> None:
    before, after = (page([Client("ccxt", version, [GOOD])]) for version in ("1.0", "2.0"))
    assert differences(before, after) == []
    assert differences(before, page([Client("ccxt", "2.0")])) == [
        "docs/clients.md differs: | `tickers.list` | yes | yes |"
    ]


def test_outcomes_are_printed_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = Outcomes()
    assert outcomes.call("works", lambda: 5) == 5
    assert outcomes.call("lacks", lambda: 5, lambda _: "no: without id") == 5

    def fail() -> None:
        raise ValueError("a\nreason")

    assert outcomes.call("fails", fail) is None
    outcomes.end("1.0", ["works", "fails", "left"])
    assert capsys.readouterr().out.splitlines() == [
        f'{{"method": "works", "works": true, "body": "{AS_DECLARED}"}}',
        '{"method": "lacks", "works": true, "body": "no: without id"}',
        '{"method": "fails", "works": false, "body": "ValueError: a reason"}',
        '{"version": "1.0", "left": ["left"]}',
    ]
