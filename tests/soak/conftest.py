"""The soak runs on the Qt loop."""

from tests.qt.conftest import app, pytest_asyncio_loop_factories

__all__ = ["app", "pytest_asyncio_loop_factories"]
