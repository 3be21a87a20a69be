"""What the demo's own tests use, on a real display."""

from __future__ import annotations

from tests.demo_app.conftest import (  # noqa: F401  # fixtures and hooks
    _no_turns_without_a_loop,
    _silence,
    app,
    exchange,
    language,
    open_window,
    pytest_asyncio_loop_factories,
    settings,
)
