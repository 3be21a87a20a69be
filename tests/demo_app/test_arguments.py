"""The command line."""

from __future__ import annotations

import pytest

from demo_app.arguments import parse
from demo_app.shell.registry import LAYOUTS
from qt_upbit import Region


def test_without_arguments_the_exchange_is_simulated() -> None:
    arguments = parse([])
    assert arguments.simulated
    # Not given: the settings apply, or the system's defaults.
    assert (arguments.region, arguments.lang, arguments.theme, arguments.layout) == (None,) * 4
    assert arguments.screenshot is None


@pytest.mark.parametrize("given", [["--live"], ["--base-url", "http://127.0.0.1:8080"]])
def test_a_custom_exchange_is_not_simulated(given: list[str]) -> None:
    assert not parse(given).simulated


def test_all_arguments_together() -> None:
    where = ["--region", "sg", "--market", "sgd-btc", "--seed", "3"]
    look = ["--lang", "ko", "--theme", "light", "--size", "800x600", "--layout", "chart"]
    arguments = parse([*where, *look, "--screenshot", "a.png", "--after", "2.5", "--timeout", "9"])
    assert arguments.region is Region.SG
    assert (arguments.screenshot, arguments.after_s, arguments.timeout_s) == ("a.png", 2.5, 9.0)
    assert (arguments.lang, arguments.theme, arguments.market) == ("ko", "light", "SGD-BTC")
    assert (arguments.seed, arguments.size, arguments.layout) == (3, (800, 600), "chart")


def test_the_layouts_of_the_command_line_are_those_of_the_window() -> None:
    for name in LAYOUTS:
        assert parse(["--layout", name]).layout == name


@pytest.mark.parametrize(
    "given",
    [
        ["--live", "--base-url", "http://127.0.0.1:1"],
        ["--region", "us"],
        ["--after", "-1"],
        ["--after", "soon"],
        ["--after", "nan"],
        ["--timeout", "-1"],
        ["--size", "big"],
        ["--size", "0x10"],
        ["--lang", "fr"],
        ["--layout", "diagonal"],
        ["--market", "bitcoin"],
        ["--base-url", "127.0.0.1:8080"],
        ["--demo-trader", "--live"],
        ["--demo-trader", "--base-url", "http://127.0.0.1:1"],
        ["--demo-trader", "--replay", "a.rec"],
        ["--nonsense"],
    ],
)
def test_wrong_arguments_exit_with_code_two_and_a_message(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(given)
    assert caught.value.code == 2
    assert given[0].lstrip("-") in capsys.readouterr().err
