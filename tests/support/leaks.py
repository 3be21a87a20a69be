"""What a test must not leave behind, with messages that say what to do about it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import time
from typing import Final

import psutil
import pytest

from tests.support.wait import HANG_S


def running_tasks() -> list[asyncio.Task[object]]:
    """Tasks that still run, the asking one aside."""
    return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def check_tasks(before: set[asyncio.Task[object]]) -> None:
    """Fail if a task that the test started still runs."""
    deadline = time.monotonic() + HANG_S
    while True:
        left = [task for task in running_tasks() if task not in before]
        if not left:
            return
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.005)
    names = "\n".join(f"  {task.get_name()}: {task.get_coro()!r}" for task in left)
    pytest.fail(
        f"tasks are still running after the test:\n{names}\n"
        "Keep a reference to each task you start and await or cancel it; a socket's task ends with "
        "`await manager.aclose()` or `await client.aclose()`."
    )


def open_sockets() -> set[tuple[int, object]]:
    """Internet sockets of this process: descriptor, and what no other socket has."""
    if not os.path.isdir(_DESCRIPTORS):  # Windows
        connections = psutil.Process().net_connections(kind="inet")
        return {(c.fd, (c.laddr, c.raddr)) for c in connections if c.status != psutil.CONN_NONE}
    # psutil reads the table of all sockets of the machine, which is long where tests run in parallel.
    found: set[tuple[int, object]] = set()
    for name in os.listdir(_DESCRIPTORS):
        with contextlib.suppress(OSError):  # the one that listed them
            what = os.fstat(int(name))
            if stat.S_ISSOCK(what.st_mode) and _is_internet(int(name)):
                found.add((int(name), what.st_ino))
    return found


_DESCRIPTORS: Final = "/dev/fd"


def _is_internet(descriptor: int) -> bool:
    borrowed = socket.socket(fileno=descriptor)
    try:
        return borrowed.family in (socket.AF_INET, socket.AF_INET6) and borrowed.type == socket.SOCK_STREAM
    finally:
        borrowed.detach()


def _where(descriptor: int) -> str:
    for connection in psutil.Process().net_connections(kind="inet"):
        if connection.fd == descriptor:
            return str(connection)
    return f"socket {descriptor}"


def check_sockets(before: set[tuple[int, object]]) -> None:
    """Fail if a socket that was opened since is open."""
    deadline = time.monotonic() + HANG_S
    while left := open_sockets() - before:
        if time.monotonic() > deadline:
            lines = "\n".join(f"  {_where(descriptor)}" for descriptor, _ in left)
            pytest.fail(
                f"sockets are still open after the test:\n{lines}\n"
                "Close what you opened: `await manager.aclose()`, `await client.aclose()`, and leave the "
                "`async with` block of the server."
            )
        time.sleep(0.01)


def check_logs(caplog: pytest.LogCaptureFixture, expected: tuple[str, ...]) -> None:
    """Fail if something of warning level or above was logged that the test did not announce.

    An error that the test listens to is no surprise: the library marks those records.
    """
    late = [
        record
        for record in (*caplog.get_records("setup"), *caplog.get_records("call"))
        if record.levelno >= logging.WARNING
        and not getattr(record, "heard", False)
        and not any(text in record.getMessage() for text in expected)
    ]
    if late:
        lines = "\n".join(f"  {r.name} {r.levelname}: {r.getMessage()}" for r in late)
        pytest.fail(
            f"something was logged unexpectedly:\n{lines}\n"
            "If it belongs to the test, announce it: @pytest.mark.logs('part of the message')."
        )
