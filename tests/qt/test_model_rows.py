"""Rows change and say so: in one range for each run of rows, with the roles that changed."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import shiboken6
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex
from PySide6.QtWidgets import QApplication

from qt_upbit.item_models.model_rows import CELL_ROLES, FIRST_FIELD_ROLE, ModelRows

_ROOT = QModelIndex()


class Model(QAbstractTableModel):
    """Three fields, of which the last two are columns, in the other order."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = ModelRows(self, (2, 1))
        self.said: list[tuple[Any, ...]] = []
        self.dataChanged.connect(self._on_changed)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return 2

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        return None

    def _on_changed(self, first: QModelIndex, last: QModelIndex, roles: list[int]) -> None:
        self.said.append((first.row(), first.column(), last.row(), last.column(), list(roles)))

    def values(self) -> list[tuple[Any, ...]]:
        return [row.values for row in self.rows.items]


@pytest.fixture
def model(app: QApplication) -> Model:
    model = Model()
    model.rows.insert(0, [("a", 1, 2), ("b", 3, 4), ("c", 5, 6), ("d", 7, 8)])
    return model


def test_what_differs_is_announced_once_for_each_run_of_rows(model: Model) -> None:
    for row in model.rows.items:
        row.texts[:] = ["shown", "shown"]
    model.rows.put({0: ("a", 1, 9), 1: ("b", 0, 4), 2: ("c", 5, 6), 3: ("e", 7, 8)})
    assert model.said == [
        (0, 0, 1, 1, CELL_ROLES),
        (0, 0, 1, 0, [FIRST_FIELD_ROLE + 1, FIRST_FIELD_ROLE + 2]),
        (3, 0, 3, 0, [FIRST_FIELD_ROLE]),
    ]
    assert [row.texts for row in model.rows.items] == [
        [None, "shown"],
        ["shown", None],
        ["shown", "shown"],
        ["shown", "shown"],
    ]


def test_nothing_different_is_nothing_to_say(model: Model) -> None:
    model.rows.put({1: ("b", 3, 4)})
    model.rows.insert(2, [])
    model.rows.remove(2, 0)
    model.rows.move(2, 2)
    assert model.said == []
    assert model.rows.generation == 1


def test_lists_move_along(model: Model) -> None:
    names = ["a", "b", "c", "d"]
    seen: list[list[str]] = []
    model.rowsAboutToBeMoved.connect(lambda *_: seen.append(list(names)))
    model.rows.move(0, 2, names)
    assert names == ["b", "c", "a", "d"] == [values[0] for values in model.values()]
    assert seen == [["a", "b", "c", "d"]]


def test_a_slot_that_asks_for_other_rows_ends_the_announcement(model: Model) -> None:
    model.dataChanged.connect(lambda *_: model.rows.reset([("z", 0, 0)]))
    model.rows.put({0: ("a", 1, 9), 2: ("c", 0, 6)})
    assert len(model.said) == 1
    assert model.values() == [("z", 0, 0)]


def test_a_slot_that_ends_the_model_ends_the_announcement(model: Model) -> None:
    model.dataChanged.connect(lambda *_: shiboken6.delete(model))
    model.rows.put({0: ("a", 1, 9), 2: ("c", 0, 6)})
    assert len(model.said) == 1


def test_rows_do_not_keep_their_model(app: QApplication) -> None:
    model = Model()
    rows, gone = model.rows, weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    rows.insert(0, [("a", 1, 2)])
    rows.reset()
    assert len(rows) == 0


CHANGES = st.lists(
    st.tuples(st.sampled_from(["insert", "remove", "move", "reset"]), st.integers(0, 9), st.integers(0, 9)),
    max_size=20,
)


@given(CHANGES)
def test_persistent_indexes_follow_their_rows(app: QApplication, changes: list[tuple[str, int, int]]) -> None:
    model = Model()
    model.rows.insert(0, [(number, 0, 0) for number in range(5)])
    followed = {row: QPersistentModelIndex(model.index(row, 0)) for row in range(5)}
    next_number = 5
    for what, first, second in changes:
        count = len(model.rows)
        if what == "insert":
            model.rows.insert(min(first, count), [(next_number, 0, 0)])
            next_number += 1
        elif what == "remove" and count:
            model.rows.remove(first % count)
        elif what == "move" and count:
            model.rows.move(first % count, second % count)
        elif what == "reset":
            model.rows.reset(model.values())
            followed.clear()
    for number, index in followed.items():
        where = [row for row, values in enumerate(model.values()) if values[0] == number]
        assert [index.row()] == where if where else not index.isValid()
