"""`call_in_thread`: results, errors, and threads that keep nothing from ending."""

from __future__ import annotations

import asyncio
import threading
from typing import NoReturn

import pytest

from qt_upbit.network.background import call_in_thread
from tests.support.programs import run_program
from tests.support.wait import until


async def test_the_result_comes_from_another_thread() -> None:
    thread = await call_in_thread(threading.current_thread, "elsewhere")
    assert thread is not threading.current_thread()
    assert (thread.name, thread.daemon) == ("elsewhere", True)


async def test_what_it_raises_is_raised_where_it_is_awaited() -> None:
    def fail() -> NoReturn:
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        await call_in_thread(fail, "elsewhere")


async def test_a_caller_that_gives_up_is_not_missed() -> None:
    goes_on, done = threading.Event(), threading.Event()

    def wait() -> None:
        goes_on.wait()
        done.set()

    call = call_in_thread(wait, "elsewhere")
    call.cancel()
    goes_on.set()
    await until(done.is_set)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_no_thread_left_in_the_system_is_an_error_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="no thread could be started: can't start new thread"):
        await call_in_thread(int, "elsewhere")


PROGRAM = """
import asyncio, threading
from qt_upbit.network.background import call_in_thread

async def main():
    call_in_thread(threading.Event().wait, "hangs")
    print("leaving", flush=True)

asyncio.run(main())
"""


def test_a_call_that_never_returns_does_not_keep_the_process() -> None:
    assert run_program(PROGRAM).stdout.strip() == "leaving"
