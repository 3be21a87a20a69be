"""`ShortcutsDialog`: every keyboard shortcut of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from demo_app.dialogs.palette import plain_text
from demo_app.style.theme import SPACE

__all__ = ["ShortcutsDialog"]


class ShortcutsDialog(QDialog):
    """Actions with a key, by menu.

    Args:
        actions: each with the name of its menu.
        panels: titles of panels, each with its keys and what they do.
        parent: owner.
    """

    def __init__(
        self,
        actions: Sequence[tuple[str, QAction]],
        panels: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.list = QTreeWidget()
        self.list.setAccessibleName(self.windowTitle())
        self.list.setHeaderLabels([self.tr("Action"), self.tr("Keys")])
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        groups: dict[str, QTreeWidgetItem] = {}
        for menu, action in actions:
            keys = QKeySequence.listToString(action.shortcuts(), QKeySequence.SequenceFormat.NativeText)
            if not keys:
                continue
            if menu not in groups:
                groups[menu] = QTreeWidgetItem(self.list, [menu])
            item = QTreeWidgetItem(groups[menu], [plain_text(action), keys])
            item.setIcon(0, action.icon())
        for title, shortcuts in panels:
            group = QTreeWidgetItem(self.list, [title])
            for keys, text in shortcuts:
                native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
                QTreeWidgetItem(group, [text, native])
        self.list.expandAll()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE * 2, SPACE * 2, SPACE * 2, SPACE * 2)
        column.setSpacing(SPACE)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)
        self.resize(460, 560)
