"""Real orders: off, unless three conditions are met."""

from __future__ import annotations

import ast
import inspect
import itertools
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

import demo_app
from demo_app.application import make_guard, prefer
from demo_app.arguments import parse
from demo_app.preferences import Preferences
from demo_app.trading.order_gateway import OrderGateway
from demo_app.trading.trading_guard import CONFIRM_PHRASE, TradingGuard, TradingLockedError, TradingState
from qt_upbit import Credentials, WebSocketConfig
from qt_upbit.simulator import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
ORDER = "BID KRW-BTC limit 0.001 at 155772000"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> TradingGuard:
    """A guard that lacks only the confirmation."""
    return TradingGuard(
        simulated=False, live=True, has_keys=lambda: True, clock=clock, session_s=600, order_s=30
    )


def confirm(guard: TradingGuard) -> None:
    guard.unlock(CONFIRM_PHRASE)
    guard.confirm(ORDER)


@pytest.mark.parametrize(("live", "keys", "confirmed"), list(itertools.product([False, True], repeat=3)))
def test_an_order_is_allowed_only_if_all_three_conditions_are_met(
    live: bool, keys: bool, confirmed: bool
) -> None:
    guard = TradingGuard(simulated=False, live=live, has_keys=lambda: keys)
    if confirmed:
        if live and keys:
            confirm(guard)
        else:
            with pytest.raises(TradingLockedError):
                confirm(guard)
    if live and keys and confirmed:
        guard.check(ORDER)
        assert guard.state is TradingState.LIVE_UNLOCKED
        return
    with pytest.raises(TradingLockedError) as refused:
        guard.check(ORDER)
    missing = "live" if not live else "keys" if not keys else "session"
    assert refused.value.missing == missing
    assert guard.state is TradingState.LIVE_LOCKED


def test_the_simulated_exchange_needs_none_of_them() -> None:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    guard.check(ORDER)
    assert guard.state is TradingState.SIMULATED
    assert repr(guard) == "TradingGuard(simulated)"


def test_simulated_and_live_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        TradingGuard(simulated=True, live=True, has_keys=lambda: True)


@pytest.mark.parametrize("typed", ["", "yes", "real orders", CONFIRM_PHRASE + "!"])
def test_a_session_is_unlocked_by_the_phrase_alone(guard: TradingGuard, typed: str) -> None:
    with pytest.raises(TradingLockedError, match=CONFIRM_PHRASE):
        guard.unlock(typed)
    with pytest.raises(TradingLockedError):
        guard.confirm(ORDER)


def test_each_confirmation_is_valid_for_one_order(guard: TradingGuard) -> None:
    confirm(guard)
    with pytest.raises(TradingLockedError, match="confirm this order") as refused:
        guard.check(ORDER.replace("0.001", "1000"))
    assert refused.value.missing == "order"
    guard.check(ORDER)
    with pytest.raises(TradingLockedError, match="confirm this order"):
        guard.check(ORDER)


def test_the_confirmation_of_an_order_expires(guard: TradingGuard, clock: Clock) -> None:
    confirm(guard)
    clock.now += 30
    with pytest.raises(TradingLockedError, match="confirm this order"):
        guard.check(ORDER)


def test_a_session_expires_and_discards_confirmations(guard: TradingGuard, clock: Clock) -> None:
    confirm(guard)
    clock.now += 599
    guard.confirm(ORDER)
    clock.now += 1
    assert guard.state is TradingState.LIVE_LOCKED
    guard.unlock(CONFIRM_PHRASE)
    with pytest.raises(TradingLockedError, match="confirm this order"):
        guard.check(ORDER)


def test_a_locked_session_stays_locked(guard: TradingGuard) -> None:
    confirm(guard)
    guard.lock()
    with pytest.raises(TradingLockedError, match="unlock the session"):
        guard.check(ORDER)


def test_removing_the_keys_locks_the_session(clock: Clock) -> None:
    keys = [KEYS]
    guard = TradingGuard(simulated=False, live=True, has_keys=lambda: bool(keys), clock=clock)
    confirm(guard)
    keys.clear()
    assert guard.state is TradingState.LIVE_LOCKED
    keys.append(KEYS)
    assert guard.state is TradingState.LIVE_LOCKED


# --- the terminal ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "keys", "missing"),
    [
        (["--live"], None, "keys"),
        (["--live"], KEYS, "session"),
        (["--base-url", "http://127.0.0.1:1"], KEYS, "live"),
        (["--base-url", "https://api.upbit.com"], KEYS, "live"),
    ],
)
def test_the_terminal_starts_locked(
    given: list[str], keys: Credentials | None, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIVE", "TRADING", "CONFIRM", "UNLOCK"):
        monkeypatch.setenv(f"QT_UPBIT_{name}", CONFIRM_PHRASE)
    guard = make_guard(parse(given), lambda: WebSocketConfig(credentials=keys))
    with pytest.raises(TradingLockedError) as refused:
        guard.check(ORDER)
    assert refused.value.missing == missing


def test_the_terminal_on_its_own_exchange_is_simulated() -> None:
    guard = make_guard(parse([]), lambda: WebSocketConfig(credentials=KEYS))
    assert guard.state is TradingState.SIMULATED


def test_a_preference_for_live_data_allows_no_order(app: object, settings: QSettings) -> None:
    """The settings dialog can choose Upbit; only the command line makes orders possible at all."""
    preferences = Preferences(settings)
    preferences.set("environment", "live")
    arguments = prefer(parse([]), preferences)
    assert not arguments.simulated
    guard = make_guard(arguments, lambda: WebSocketConfig(credentials=KEYS))
    assert guard.state is TradingState.LIVE_LOCKED
    for attempt in (lambda: guard.unlock(CONFIRM_PHRASE), lambda: guard.check(ORDER)):
        with pytest.raises(TradingLockedError) as refused:
            attempt()
        assert refused.value.missing == "live"


def test_the_command_line_overrides_the_preference(app: object, settings: QSettings) -> None:
    preferences = Preferences(settings)
    assert prefer(parse([]), preferences).simulated
    preferences.set("environment", "live")
    local = ["--base-url", "http://127.0.0.1:1"]
    assert not prefer(parse(local), preferences).upbit_data
    assert not prefer(parse(["--live"]), preferences).upbit_data


def test_the_guard_reads_no_environment() -> None:
    tree = _tree(Path(inspect.getfile(TradingGuard)))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert "os" not in imported


FOLDER = Path(demo_app.__file__).parent
ORDER_CALLS = {"create_order", "cancel_order", "cancel_orders", "cancel_open_orders", "cancel_and_new"}
DOOR = Path(inspect.getfile(OrderGateway)).name
"""The one module that may send orders; each call there follows `guard.check`."""


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def unguarded(path: Path) -> list[str]:
    """Order calls of a module without a guard check before them.

    Every mention counts, also as text for getattr. In the guarded module a function may call them after
    calling its guard's `check`.
    """
    found: list[str] = []
    tree = _tree(path)
    guarded: set[int] = set()
    if path.name == DOOR:
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                guarded |= _after_check(function)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Constant):
            continue
        name = node.attr if isinstance(node, ast.Attribute) else node.value
        if name in ORDER_CALLS and id(node) not in guarded:
            found.append(f"{path.name}:{node.lineno} {name}")
    return found


def _after_check(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    """Nodes in statements of the function's body that follow an unconditional ``….guard.check(…)``."""
    for index, statement in enumerate(function.body):
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("guard.check"):
            return {id(node) for later in function.body[index + 1 :] for node in ast.walk(later)}
    return set()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("**/*.py")), ids=lambda path: path.name)
def test_no_module_bypasses_the_guard(path: Path) -> None:
    assert unguarded(path) == []
    # ... nor the library.
    imports = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert not {module.partition(".")[0] for module in modules} & {"aiohttp", "httpx", "upbit", "websockets"}


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("chart.py", "async def f(rest): await rest.create_order('KRW-BTC')", 1),
        ("chart.py", "async def f(rest): await rest.cancel_order(uuid='x')", 1),
        ("chart.py", "f = getattr(rest, 'cancel_open_orders')", 1),
        ("chart.py", "async def f(self, rest):\n self._guard.check('x')\n await rest.create_order()", 1),
        (DOOR, "async def f(self, rest):\n self._guard.check('x')\n await rest.create_order()", 0),
        (DOOR, "async def f(self, rest):\n await rest.create_order()\n self._guard.check('x')", 1),
        (DOOR, "async def f(self, rest):\n if x:\n  self._guard.check('x')\n await rest.create_order()", 1),
    ],
)
def test_the_search_finds_unguarded_calls(tmp_path: Path, name: str, text: str, count: int) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert len(unguarded(path)) == count
