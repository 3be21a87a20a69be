"""What slots raise is learned, and `sys.excepthook` stays the application's own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import PySide6
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from qt_upbit.exceptions import CallbackError
from qt_upbit.qt.slot_errors import SlotWatch, emit_watched


class Sender(QObject):
    sent = Signal(object)


class Hooks:
    """An application's hooks: which of them were called, and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, BaseException]] = []

    def base(self, kind: object, error: BaseException, trace: object) -> None:
        self.calls.append(("base", error))

    def chained(self, name: str) -> Callable[..., None]:
        """A hook that passes on to the one before it; installs itself."""
        before = sys.excepthook

        def hook(kind: Any, error: BaseException, trace: Any) -> None:
            self.calls.append((name, error))
            before(kind, error, trace)

        sys.excepthook = hook
        return before

    def replacing(self, name: str) -> Callable[..., object]:
        before = sys.excepthook
        sys.excepthook = lambda kind, error, trace: self.calls.append((name, error))
        return before

    def of(self, error: BaseException | None) -> list[str]:
        return [name for name, raised in self.calls if raised is error]


@pytest.fixture
def hooks(app: QApplication) -> Iterator[Hooks]:
    before = sys.excepthook
    hooks = Hooks()
    sys.excepthook = hooks.base
    yield hooks
    sys.excepthook = before


def emit_all(watch: SlotWatch, slots: list[Callable[[], object]]) -> list[CallbackError]:
    """Emit once for each slot."""
    errors: list[CallbackError] = []
    for slot in slots:
        sender = Sender()
        sender.sent.connect(lambda _value, slot=slot: slot())
        errors += watch.emit(sender.sent, 1)
    return errors


def fail() -> None:
    raise ValueError("a slot's own mistake")


def causes(errors: Sequence[CallbackError]) -> list[type[BaseException]]:
    return [type(error.__cause__) for error in errors]


def test_a_slot_that_raises_is_named_and_the_next_one_runs(hooks: Hooks) -> None:
    sender, seen = Sender(), list[int]()
    sender.sent.connect(lambda _value: fail())
    sender.sent.connect(seen.append)
    (error,) = emit_watched(sender.sent, 5, owner="my_chart")
    assert seen == [5]
    assert (error.owner, type(error.__cause__)) == ("my_chart", ValueError)
    assert "lambda" in error.callback
    assert hooks.of(error.__cause__) == ["base"]


def test_every_slot_that_raises_is_learned_of(hooks: Hooks) -> None:
    sender = Sender()

    def divide(_value: object) -> None:
        raise ZeroDivisionError

    for slot in (divide, lambda _value: fail(), divide):
        sender.sent.connect(slot)
    errors = emit_watched(sender.sent, 1, owner="p")
    if PySide6.__version_info__ >= (6, 9):
        assert causes(errors) == [ZeroDivisionError, ValueError, ZeroDivisionError]
    else:
        # Older PySide calls the next slot with the exception still set, and prints one for all of them.
        assert causes(errors) == [SystemError]
    assert not emit_watched(Sender().sent, 1, owner="p")


def test_a_slot_without_python_code_is_learned_of(hooks: Hooks) -> None:
    sender = Sender()
    sender.sent.connect([].remove)
    (error,) = emit_watched(sender.sent, 1, owner="p")
    assert error.callback == "a slot"


def test_a_chained_hook_installed_by_a_slot_is_called_once_for_each_exception(hooks: Hooks) -> None:
    watch = SlotWatch("p")
    errors = emit_all(watch, [lambda: hooks.chained("crash reporter"), fail, fail])
    assert causes(errors) == [ValueError, ValueError]
    for error in errors:
        assert hooks.of(error.__cause__) == ["crash reporter", "base"]


def test_a_hook_installed_by_one_slot_and_the_next_slot_of_the_same_signal_raises(hooks: Hooks) -> None:
    sender = Sender()
    sender.sent.connect(lambda _value: hooks.chained("crash reporter"))
    sender.sent.connect(lambda _value: fail())
    (error,) = emit_watched(sender.sent, 1, owner="p")
    assert hooks.of(error.__cause__) == ["crash reporter", "base"]


def test_a_hook_that_passes_nothing_on_hides_nothing_from_the_watch(hooks: Hooks) -> None:
    watch = SlotWatch("p")
    (error,) = emit_all(watch, [lambda: hooks.replacing("handler"), fail])
    assert hooks.of(error.__cause__) == ["handler"]


def test_a_hook_that_installs_itself_again_with_each_event_is_called_once(hooks: Hooks) -> None:
    """It looks whether it is in place, and puts itself in front of whatever else is."""
    before: list[Callable[..., object]] = []

    def reporter(kind: Any, error: BaseException, trace: Any) -> None:
        hooks.calls.append(("crash reporter", error))
        before[-1](kind, error, trace)

    def install() -> None:
        if sys.excepthook is not reporter:
            before.append(sys.excepthook)
            sys.excepthook = reporter

    for _turn in range(3):
        (error,) = emit_all(SlotWatch("p"), [install, install, fail, install])
        assert hooks.of(error.__cause__) == ["crash reporter", "base"]
    assert len(before) == 1


def test_hooks_are_the_applications_own_during_and_after_an_emission(hooks: Hooks) -> None:
    seen: list[object] = []
    emit_all(SlotWatch("p"), [lambda: seen.append(sys.excepthook), fail])
    assert seen == [hooks.base]
    assert sys.excepthook == hooks.base


def test_a_hook_that_was_there_and_is_taken_away_stays_away(hooks: Hooks) -> None:
    before = hooks.chained("library")

    def uninstall() -> None:
        sys.excepthook = before

    (first, second) = emit_all(SlotWatch("p"), [fail, uninstall, fail])
    assert hooks.of(first.__cause__) == ["library", "base"]
    assert hooks.of(second.__cause__) == ["base"]
    assert sys.excepthook == hooks.base


def test_below_a_dialog_each_emission_learns_of_its_own_slots(hooks: Hooks) -> None:
    outer, inner = SlotWatch("outer"), SlotWatch("inner")
    inner_errors: list[CallbackError] = []

    def elsewhere() -> None:
        raise KeyError("in a button's slot")

    def within() -> None:
        hooks.chained("installed below a dialog")
        inner_errors.extend(emit_all(inner, [fail]))

    def dialog() -> None:
        loop = QEventLoop()
        QTimer.singleShot(0, elsewhere)
        QTimer.singleShot(0, within)
        QTimer.singleShot(0, loop.quit)
        loop.exec()
        raise ZeroDivisionError("after the dialog")

    (error,) = emit_all(outer, [dialog])
    assert type(error.__cause__) is ZeroDivisionError
    assert causes(inner_errors) == [ValueError]
    assert [name for name, raised in hooks.calls if isinstance(raised, KeyError)] == ["base"]
    assert hooks.of(error.__cause__) == ["installed below a dialog", "base"]


def test_a_signal_of_the_application_emitted_by_a_slot_is_its_own_business(hooks: Hooks) -> None:
    other = Sender()
    other.sent.connect(lambda _value: fail())
    assert emit_all(SlotWatch("p"), [lambda: other.sent.emit(1)]) == []
    assert len(hooks.calls) == 1


def test_what_is_raised_in_another_thread_is_not_ours(hooks: Hooks) -> None:
    def emit() -> None:
        sender = Sender()
        sender.sent.connect(lambda _value: fail())
        sender.sent.emit(1)

    def in_thread() -> None:
        thread = threading.Thread(target=emit)
        thread.start()
        thread.join()

    assert not emit_all(SlotWatch("p"), [in_thread])
    assert len(hooks.calls) == 1


def test_a_program_that_ends_with_an_error_says_nothing_of_the_library() -> None:
    """Its last exception is printed when no frame is left."""
    code = "import qt_upbit.qt.slot_errors\nraise ValueError('of the program')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.endswith("ValueError: of the program\n")
    assert "audit" not in ran.stderr


def test_what_ends_a_program_is_not_reported(hooks: Hooks) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert emit_all(SlotWatch("p"), [interrupt]) == []
    assert len(hooks.calls) == 1


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["chain", "replace", "again", "restore", "raise", "nest"]),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=12,
)


@given(_STEPS)
def test_hooks_come_and_go_as_without_the_library(
    app: QApplication, steps: list[tuple[str, int, bool]]
) -> None:
    """Any order of installing, replacing and restoring: hooks are called as by plain emission."""
    outcomes = []
    before = sys.excepthook
    for watched in (False, True):
        recorder = _Recorder()
        sys.excepthook = recorder.hook("base")
        try:
            recorder.run(steps, watched=watched)
            recorder.calls.append(("at the end", getattr(sys.excepthook, "label", "none")))
        finally:
            sys.excepthook = before
        outcomes.append(recorder)
    plain, watched_too = outcomes
    assert watched_too.calls == plain.calls
    assert watched_too.errors == plain.raised


class _Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.raised = 0
        self.errors = 0
        self._before: dict[str, Callable[..., object]] = {}
        self._again: dict[int, Callable[..., object]] = {}

    def hook(self, label: str, before: Callable[..., object] | None = None) -> Callable[..., object]:
        def hook(kind: Any, error: BaseException, trace: Any) -> None:
            self.calls.append((label, str(error)))
            if before is not None:
                before(kind, error, trace)

        hook.label = label  # type: ignore[attr-defined]  # to compare by
        return hook

    def run(self, steps: list[tuple[str, int, bool]], *, watched: bool) -> None:
        watch = SlotWatch("p")
        for number, (what, which, new_watch) in enumerate(steps):
            if new_watch:
                watch = SlotWatch("p")
            sender = Sender()
            sender.sent.connect(
                lambda _value, what=what, which=which, n=number: self._step(what, which, n, watched)
            )
            if watched:
                errors = watch.emit(sender.sent, 1)
                self.errors += len(errors)
            else:
                sender.sent.emit(1)

    def _step(self, what: str, which: int, number: int, watched: bool) -> None:
        label = f"hook {number}"
        if what == "chain":
            self._before[str(which)] = sys.excepthook
            sys.excepthook = self.hook(label, sys.excepthook)
        elif what == "replace":
            self._before[str(which)] = sys.excepthook
            sys.excepthook = self.hook(label)
        elif what == "again":
            known = self._again.setdefault(which, self.hook(f"again {which}", sys.excepthook))
            if sys.excepthook is not known:
                sys.excepthook = known
        elif what == "restore":
            sys.excepthook = self._before.get(str(which), sys.excepthook)
        elif what == "nest":
            inner = [("raise", 0, False), ("chain", which, True), ("raise", 0, True)]
            self.run(inner, watched=watched)
        elif what == "raise":
            self.raised += 1
            raise ValueError(f"{number}")
