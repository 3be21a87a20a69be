"""The only part of the library that knows PySide6 and qasync."""
