"""`AccountPanel`: the base of account panels: keys, staleness, confirmations before orders, results."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import ClassVar

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QWidget

from demo_app.panel import ContentState, Panel
from demo_app.style.error_messages import explain, technical
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingLockedError, TradingState
from demo_app.widgets.message import Message
from demo_app.widgets.trading_dialogs import ConfirmDialog, Question, UnlockDialog
from qt_upbit import (
    Account,
    AccountState,
    AuthenticationError,
    ConnectionState,
    CredentialsRequiredError,
    QtUpbitError,
    Scope,
    owned_slot,
)

__all__ = ["AccountPanel"]

_DOWN = frozenset((ConnectionState.RECONNECTING, ConnectionState.STALE))


class AccountPanel(Panel):
    """Override `attach` and `detach`; call `sign_in` at the end of the constructor.

    Args:
        state, parent: as `Panel`.
    """

    MESSAGE_LINES: ClassVar[int] = 1
    """Fixed height of `message`, in lines."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.account: Account | None = None
        self.message = Message(self.MESSAGE_LINES)
        self._busy: set[str] = set()
        self._was_synchronized = self._in_doubt = False
        self.manager = manager = state.manager
        """Stored: asking the state for it after it has closed would create another."""
        manager.credentials_changed.connect(self.sign_in)
        manager.state_changed.connect(self._on_connection)

    # --- for panels to override --------------------------------------------------------------------

    def attach(self, account: Account) -> None:
        """Show an account."""

    def detach(self) -> None:
        """Drop this account's data: another account may come."""

    def on_account_state(self) -> None:
        """The account's completeness may have changed: see `doubt`."""

    def on_busy(self) -> None:
        """The calls in progress have changed: see `is_busy`."""

    # --- keys and doubt ----------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Show the account of the current keys, or ask for keys."""
        if self.account is not None and not self.account.is_closed:
            self.account.state_changed.disconnect(self._judge)
            self.account.cleared.disconnect(self._on_cleared)
        self.detach()
        self.account = None
        self._was_synchronized = self._in_doubt = False
        try:
            account = Account.instance(self.manager)
        except CredentialsRequiredError:
            self._judge()
            return
        self.account = account
        account.state_changed.connect(self._judge)
        account.cleared.connect(self._on_cleared)
        self.attach(account)
        self._judge()

    def _on_cleared(self) -> None:
        """The new account has not been read yet."""
        self._was_synchronized = self._in_doubt = False
        self._judge()

    @property
    def doubt(self) -> str:
        """Why the data may be incomplete; empty if it is complete."""
        account = self.account
        if account is None or not self._in_doubt:
            return ""
        why = explain(account.error) if account.error is not None else ""
        return " ".join(filter(None, (self.tr("Some may be missing."), why)))

    def _judge(self, *_: object) -> None:
        account = self.account
        if account is None:
            self.set_stale("")
            if self.state.is_replay:
                self.show_placeholder(self.tr("A recording has no account."))
                return
            self.show_placeholder(
                self.tr("No API keys: your account cannot be read."),
                self.tr("Enter API keys"),
                self.state.keys_wanted.emit,
            )
            return
        if account.is_closed:
            return
        self._was_synchronized = self._was_synchronized or account.is_synchronized
        # While it is read again, it may still be incomplete.
        is_incomplete = account.state is AccountState.INCOMPLETE
        self._in_doubt = is_incomplete or (self._in_doubt and not account.is_synchronized)
        manager = self.manager
        refusal: QtUpbitError | None = account.error
        if manager.state(Scope.PRIVATE) is ConnectionState.REJECTED:
            refusal = manager.error(Scope.PRIVATE) or refusal
        if isinstance(refusal, AuthenticationError):
            self.set_stale("")
            self.show_placeholder(explain(refusal), self.tr("Enter API keys"), self.state.keys_wanted.emit)
        elif self._was_synchronized or self._in_doubt:
            self.show_body()
            is_down = manager.state(Scope.PRIVATE) in _DOWN
            self.set_stale(self.tr("Not live – waiting for the exchange") if is_down else "")
        else:
            self.show_placeholder(self.tr("Reading your account…"), state=ContentState.LOADING)
        self.on_account_state()

    def _on_connection(self, scope: Scope, _state: ConnectionState) -> None:
        if scope is Scope.PRIVATE:
            self._judge()

    # --- actions ----------------------------------------------------------------------------------

    def is_busy(self, key: str) -> bool:
        """Whether a call of this key is in progress, which must not be sent twice."""
        return key in self._busy

    def unlock(self, then: Callable[[], object] | None = None) -> None:
        """Ask for the phrase that unlocks real orders."""
        dialog = UnlockDialog(self.state, self)
        dialog.accepted.connect(self.on_busy)
        if then is not None:
            dialog.accepted.connect(then)
        dialog.open()

    def ask(self, question: Question, go: Callable[[], object], *, always: bool) -> None:
        """Have the user confirm, unlocking first if real orders are locked; then call `go`.

        Args:
            question: the complete description.
            go: sends it, through `carry_out`.
            always: also ask on the simulated exchange.
        """
        now = self.state.guard.state
        if now is TradingState.LIVE_LOCKED:
            self.unlock(functools.partial(self.ask, question, go, always=always))
            return
        self.state.gateway.asked(question.text)
        if now is TradingState.SIMULATED and not always:
            go()
        else:
            dialog = ConfirmDialog(self.state, question, self)
            dialog.accepted.connect(functools.partial(self._confirmed, question, go))
            dialog.rejected.connect(functools.partial(self._rejected, dialog))
            dialog.open()

    def _rejected(self, dialog: ConfirmDialog) -> None:
        if dialog.is_outdated:
            outdated = TradingLockedError("account", "other API keys are in use than when this was asked")
            self.show_message(explain(outdated), failed=True)

    def _confirmed(self, question: Question, go: Callable[[], object]) -> None:
        try:
            self.state.guard.confirm(question.text)
        except TradingLockedError as error:
            self.show_message(explain(error), failed=True)
        else:
            go()

    def carry_out(
        self,
        key: str,
        call: Callable[[], Awaitable[str]],
        done: Callable[[], object],
    ) -> None:
        """Make a confirmed call, once, and show the result.

        Args:
            key: no other call of this key is made meanwhile.
            call: makes it, through the order gateway, which checks the guard; returns the message to show.
            done: called on success.
        """
        if key in self._busy:
            return
        # Before the task starts: a second click may come first.
        self._busy.add(key)
        self.on_busy()
        self._carry_out(key, call, done)

    @owned_slot
    async def _carry_out(
        self,
        key: str,
        call: Callable[[], Awaitable[str]],
        done: Callable[[], object],
    ) -> None:
        try:
            text = await call()
        except (TradingLockedError, QtUpbitError) as error:
            self.show_message(explain(error), failed=True, title=self.title())
            self.message.setToolTip(f"{explain(error)}\n{technical(error)}")
        else:
            self.show_message(text, title=self.title())
            done()
        finally:
            self._busy.discard(key)
        # Not after a cancellation: the panel is gone.
        self.on_busy()

    def show_message(self, text: str, *, failed: bool = False, title: str = "") -> None:
        """Show a result, here and, with a title, as a notice of the terminal."""
        theme = self.state.theme
        self.message.say(text, (theme.warning if failed else theme.text).name())
        if title:
            # Not from within a task: a receiver may open a dialog.
            QTimer.singleShot(0, self, functools.partial(self.state.noticed.emit, title, text))

    def changeEvent(self, event: QEvent) -> None:
        """Update the placeholder, whose text is in the old language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._judge()
