"""The death of a QObject is reported once, from whichever thread, however it comes about."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.release_token import ReleaseToken


class Registry(QObject):
    released = Signal(object, bool)


def by_reference() -> Callable[[QObject], object]:
    return lambda _watched: None


def by_shiboken() -> Callable[[QObject], object]:
    return shiboken6.delete


def by_delete_later() -> Callable[[QObject], object]:
    def end(watched: QObject) -> None:
        watched.deleteLater()
        QCoreApplication.sendPostedEvents(watched, QEvent.Type.DeferredDelete)

    return end


@pytest.mark.parametrize("way", [by_reference, by_shiboken, by_delete_later])
def test_it_is_reported_once(app: QApplication, way: Callable[[], Callable[[QObject], object]]) -> None:
    registry, released = Registry(), list[int]()
    registry.released.connect(lambda number, _collected: released.append(number))
    watched = QObject()
    ReleaseToken.attach(registry.released, watched, 5)
    gone = weakref.ref(watched)
    assert released == []
    way()(watched)
    del watched
    gc.collect()
    assert gone() is None, "the token keeps no object alive"
    assert released == [5]


def test_with_its_parent(app: QApplication) -> None:
    registry, released = Registry(), list[int]()
    registry.released.connect(lambda number, _collected: released.append(number))
    parent = QObject()
    watched = QObject(parent)
    ReleaseToken.attach(registry.released, watched, 7)
    shiboken6.delete(parent)
    assert released == [7]
    del watched
    gc.collect()
    assert released == [7]


def test_it_holds_the_signals_object_no_more_than_the_watched_one(app: QApplication) -> None:
    registry, watched = Registry(), QObject()
    ReleaseToken.attach(registry.released, watched, 5)
    gone = weakref.ref(registry)
    del registry
    gc.collect()
    assert gone() is None
    shiboken6.delete(watched)


@pytest.mark.parametrize("end", [shiboken6.delete, lambda registry: None])
def test_without_the_signals_object_it_does_nothing(
    app: QApplication, end: Callable[[QObject], object]
) -> None:
    registry = Registry()
    token = ReleaseToken(registry.released, 6)
    end(registry)
    del registry
    gc.collect()
    token()
    token(None)


def test_from_another_thread_it_arrives_in_the_registrys(app: QApplication) -> None:
    registry, threads = Registry(), list[int]()
    registry.released.connect(
        lambda _number, _collected: threads.append(threading.get_ident()), Qt.ConnectionType.QueuedConnection
    )
    token = ReleaseToken(registry.released, 5)
    collector = threading.Thread(target=token)
    collector.start()
    collector.join()
    QCoreApplication.processEvents()
    assert threads == [threading.get_ident()]


def test_what_is_collected_without_a_parent_is_told_apart(app: QApplication) -> None:
    registry, released = Registry(), list[tuple[int, bool]]()
    registry.released.connect(lambda number, collected: released.append((number, collected)))
    parent = QObject()
    children = {1: QObject(), 2: QObject(parent), 3: QObject()}
    for number, child in children.items():
        ReleaseToken.attach(registry.released, child, number)
    del child
    shiboken6.delete(children[3])
    del children[1]
    gc.collect()
    del parent
    gc.collect()
    assert sorted(released) == [(1, True), (2, False), (3, False)]
