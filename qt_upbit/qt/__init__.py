"""The only part of the library that uses PySide6 and qasync, besides the item models."""

from qt_upbit.qt._guard import check_pyside6 as _check_pyside6

_check_pyside6()
