"""The only part of the library that knows PySide6 and qasync."""

from qt_upbit.qt._guard import check_pyside6 as _check_pyside6

_check_pyside6()
