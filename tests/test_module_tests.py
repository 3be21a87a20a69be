"""Every module has a test of its name, or says here which test is about it, and why not one of its own.

The test of a module is found by its name. A new module gets a test of its name; a line here
is for parts that are only seen through something else.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.programs import ROOT

TESTS = ROOT / "tests"
NAMES_ALONE = "names, values or one row each: what they are is what their users' tests see"
A_PART = "a part of one widget or object, and tested through it"
WITH_OTHERS = "tested together with its like"

TESTED_IN: dict[str, tuple[str, list[str]]] = {
    # --- the library
    "test_exports.py": (NAMES_ALONE, ["qt_upbit.core"]),
    "test_types.py": (
        WITH_OTHERS,
        [
            "qt_upbit.types.enums",
            "qt_upbit.types.events",
            "qt_upbit.types.registry",
            "qt_upbit.types.wire_struct",
        ],
    ),
    "test_odd_fields.py": (WITH_OTHERS, ["qt_upbit.types.tolerant_reading"]),
    "test_truncated_book.py": (WITH_OTHERS, ["qt_upbit.types.orderbook"]),
    "protocol/test_subscription_request.py": (WITH_OTHERS, ["qt_upbit.types.options"]),
    "protocol/test_account_sync.py": (NAMES_ALONE, ["qt_upbit.protocol.account_outputs"]),
    "protocol/test_connection.py": (NAMES_ALONE, ["qt_upbit.protocol.connection_outputs"]),
    "protocol/test_served.py": (A_PART, ["qt_upbit.protocol.subscription_sync"]),
    "protocol/test_subscription_state_manager.py": (
        A_PART,
        [
            "qt_upbit.protocol.scope_streams",
            "qt_upbit.protocol.server_list",
            "qt_upbit.protocol.stream_record",
            "qt_upbit.protocol.stream_request",
        ],
    ),
    "routing/test_data_routing_engine.py": (A_PART, ["qt_upbit.routing.route"]),
    "protocol/test_order_tracker.py": (A_PART, ["qt_upbit.protocol.tracked_order", "qt_upbit.records"]),
    "rest/test_session.py": (NAMES_ALONE, ["qt_upbit.rest.endpoints"]),
    "rest/test_orders.py": (A_PART, ["qt_upbit.rest.open_order_calls"]),
    "qt/test_account.py": (A_PART, ["qt_upbit.qt.account_reading"]),
    "test_typing.py": (NAMES_ALONE, ["qt_upbit.qt.typed_signals"]),
    "qt/test_embedding.py": (WITH_OTHERS, ["qt_upbit.qt.loop_check"]),
    "qt/test_websocket_client_proxy.py": (
        A_PART,
        [
            "qt_upbit.qt.delivery",
            "qt_upbit.qt.pending_snapshot",
            "qt_upbit.qt.subscribe_by_name",
            "qt_upbit.qt.subscribe_methods",
            "qt_upbit.qt.subscription",
        ],
    ),
    "qt/test_global_websocket_manager.py": (A_PART, ["qt_upbit.qt.subscription_registry"]),
    "qt/test_item_models.py": (
        WITH_OTHERS,
        [
            "qt_upbit.item_models.balances",
            "qt_upbit.item_models.candles",
            "qt_upbit.item_models.fields",
            "qt_upbit.item_models.orderbook",
            "qt_upbit.item_models.tickers",
            "qt_upbit.item_models.trades",
        ],
    ),
    "qt/test_item_models_life.py": (A_PART, ["qt_upbit.item_models.base"]),
    "qt/test_item_models_sort.py": (WITH_OTHERS, ["qt_upbit.item_models.throttled_sort"]),
    # --- the simulated exchange
    "simulator/test_exchange.py": (
        A_PART,
        [
            "qt_upbit.simulator.account.scripted_trader",
            "qt_upbit.simulator.market.indicator_feed",
            "qt_upbit.simulator.market.market",
            "qt_upbit.simulator.sessions.dispatcher",
            "qt_upbit.simulator.sessions.subscriptions",
        ],
    ),
    "simulator/test_unverified.py": (NAMES_ALONE, ["qt_upbit.simulator.settings"]),
    "simulator/market/test_history.py": (A_PART, ["qt_upbit.simulator.market.price_path"]),
    "simulator/replay/test_recording.py": (WITH_OTHERS, ["qt_upbit.simulator.replay.replay"]),
    "simulator/faults/test_faults.py": (
        WITH_OTHERS,
        [
            "qt_upbit.simulator.control",
            "qt_upbit.simulator.faults.control",
            "qt_upbit.simulator.faults.fault_injector",
        ],
    ),
    # --- the demo
    "demo_app/test_terminal_process.py": (
        "what a process does",
        ["demo_app.application", "demo_app.shell.market_list"],
    ),
    "demo_app/test_trader.py": (
        "used by mouse and keys",
        ["demo_app.panels.order_form.order_question", "demo_app.recording.recording_control"],
    ),
    "demo_app/test_panel.py": (NAMES_ALONE, ["demo_app.terminal_state"]),
    "demo_app/test_widgets_paint.py": (
        "what it paints",
        ["demo_app.shell.connection_line", "demo_app.shell.ticker_header"],
    ),
    "demo_app/shell/test_main_window.py": (A_PART, ["demo_app.shell.commands", "demo_app.shell_interface"]),
    "demo_app/shell/test_docks.py": (A_PART, ["demo_app.shell.dock_tabs", "demo_app.shell.registry"]),
    "demo_app/shell/test_market_selector.py": (A_PART, ["demo_app.widgets.market_label"]),
    "benchmarks/test_benchmarks.py": ("for screenshots and benchmarks only", ["demo_app.shell.screenshot"]),
    "demo_app/dialogs/test_dialogs.py": (
        WITH_OTHERS,
        [
            "demo_app.dialogs.about",
            "demo_app.dialogs.palette",
            "demo_app.dialogs.settings",
            "demo_app.dialogs.shortcuts",
            "demo_app.shell.tray",
            "demo_app.style.appearance",
        ],
    ),
    "demo_app/style/test_theme.py": (WITH_OTHERS, ["demo_app.style.assets", "demo_app.style.icons"]),
    "demo_app/style/test_translations.py": (
        WITH_OTHERS,
        ["demo_app.style.language", "demo_app.widgets.message"],
    ),
    "demo_app/widgets/test_tables.py": (
        WITH_OTHERS,
        ["demo_app.widgets.columns", "demo_app.widgets.sort_header"],
    ),
    "demo_app/panels/account/test_balances_panel.py": (A_PART, ["demo_app.panels.account.balance_rows"]),
    "demo_app/panels/account/test_orders_panel.py": (
        A_PART,
        [
            "demo_app.panels.account.order_rows",
            "demo_app.panels.account.replace_dialog",
            "demo_app.widgets.account_panel",
            "demo_app.widgets.trading_dialogs",
        ],
    ),
    "demo_app/panels/alerts/test_alerts_panel.py": (
        A_PART,
        ["demo_app.alerts.alert_watcher", "demo_app.panels.alerts.alert_rows"],
    ),
    "demo_app/panels/chart/test_chart_parts.py": (
        WITH_OTHERS,
        [
            "demo_app.panels.chart.bars",
            "demo_app.panels.chart.candle_painter",
            "demo_app.panels.chart.chart_view",
        ],
    ),
    "demo_app/panels/chart/test_chart_panel.py": (
        A_PART,
        [
            "demo_app.panels.chart.candle_canvas",
            "demo_app.panels.chart.chart_bar",
            "demo_app.panels.chart.chart_overlay",
            "demo_app.panels.chart.indicator_dialog",
            "demo_app.widgets.own_trades",
        ],
    ),
    "demo_app/panels/notices/test_notices_panel.py": (
        A_PART,
        ["demo_app.panels.notices.event_rows", "demo_app.panels.notices.indicator_signals"],
    ),
    "demo_app/panels/order_form/test_order_form_panel.py": (
        A_PART,
        ["demo_app.panels.order_form.order_fields"],
    ),
    "demo_app/panels/orderbook/test_orderbook_panel.py": (
        A_PART,
        ["demo_app.panels.orderbook.book_rows", "demo_app.panels.orderbook.orderbook_canvas"],
    ),
    "demo_app/panels/performance/test_performance_panel.py": (
        A_PART,
        ["demo_app.panels.performance.latency_chart"],
    ),
    "demo_app/panels/trades/test_trades_panel.py": (A_PART, ["demo_app.panels.trades.tape_canvas"]),
    "demo_app/panels/watch_list/test_watch_list_panel.py": (
        A_PART,
        [
            "demo_app.panels.watch_list.sparklines",
            "demo_app.panels.watch_list.watch_model",
            "demo_app.panels.watch_list.watch_table",
        ],
    ),
    "demo_app/recording/test_replay_session.py": (
        A_PART,
        ["demo_app.recording.replay_bar", "demo_app.recording.sessions"],
    ),
}


def _modules() -> dict[str, Path]:
    """Every module of the library and the demo but the entrances of packages."""
    paths = [path for top in ("qt_upbit", "demo_app") for path in (ROOT / top).rglob("*.py")]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in paths
        if path.name not in ("__init__.py", "__main__.py")
    }


def _without_own_test() -> set[str]:
    named = {path.stem.removeprefix("test_") for path in TESTS.rglob("test_*.py")}
    return {name for name, path in _modules().items() if path.stem.lstrip("_") not in named}


def test_every_module_has_a_test_of_its_name_or_says_why_not() -> None:
    listed = [module for _, modules in TESTED_IN.values() for module in modules]
    assert len(listed) == len(set(listed)), "one test is enough"
    assert _without_own_test() - set(listed) == set(), (
        "write a test of its name, or say here where it is tested"
    )
    assert set(listed) - _without_own_test() == set(), "it has one now, or is gone: take it out of the list"


@pytest.mark.parametrize("test", TESTED_IN)
def test_what_is_named_is_there_and_says_why(test: str) -> None:
    reason, modules = TESTED_IN[test]
    assert (TESTS / test).is_file()
    assert len(reason.split()) >= 3
    assert modules
