"""The loop: order, time, nested Qt loops, threads."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import signal
import socket
import threading
import time
import weakref
from asyncio.proactor_events import BaseProactorEventLoop
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QDialog

from qt_upbit.qt.event_loop import BaseQtEventLoop, QtEventLoop
from tests.support.nested_loop import nested_loop_until
from tests.support.programs import run_program
from tests.support.wait import HANG_S, turns, until

on_both_loops = pytest.mark.asyncio(loop_factories=["qt_upbit", "qasync"])


def timers_of_loop() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, QtEventLoop)
    return loop._timers.waiting


def in_nested_loop(ms: int) -> None:
    """What QDialog.exec() does, for a while."""
    nested = QEventLoop()
    QTimer.singleShot(ms, nested.quit)
    nested.exec()


# --- callbacks and time ---------------------------------------------------------------------------


async def test_call_soon_keeps_the_order_of_the_calls() -> None:
    loop, seen = asyncio.get_running_loop(), list[int]()
    for i in range(5000):
        loop.call_soon(seen.append, i)
    done = asyncio.Event()
    loop.call_soon(done.set)
    await done.wait()
    assert seen == list(range(5000))


async def test_every_way_of_soon_shares_one_order() -> None:
    loop, seen = asyncio.get_running_loop(), list[int]()
    for i in range(0, 400, 4):
        loop.call_soon(seen.append, i)
        loop.call_later(0, seen.append, i + 1)
        loop.call_at(loop.time() - 5, seen.append, i + 2)
        loop.call_soon_threadsafe(seen.append, i + 3)
    await until(lambda: len(seen) == 400)
    assert seen == list(range(400))


async def test_cancelled_call_soon_does_not_run() -> None:
    loop, seen = asyncio.get_running_loop(), list[int]()
    handle = loop.call_soon(seen.append, 1)
    loop.call_soon(seen.append, 2)
    handle.cancel()
    await turns()
    assert seen == [2]


async def test_callbacks_wait_for_the_next_turn() -> None:
    """A chain of call_soon must not keep Qt from its turn."""
    loop, ticks, chain = asyncio.get_running_loop(), 0, 0
    timer = QTimer()

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    timer.timeout.connect(tick)
    timer.start(0)

    def link() -> None:
        nonlocal chain
        chain += 1
        if chain < 500:
            loop.call_soon(link)

    link()
    await until(lambda: chain == 500)
    timer.stop()
    assert ticks > 100


async def test_a_thousand_slow_callbacks_let_qt_breathe() -> None:
    loop, seen = asyncio.get_running_loop(), list[float]()
    gaps: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: gaps.append(time.process_time()))
    timer.start(0)

    def work() -> None:
        end = time.perf_counter() + 0.0005
        while time.perf_counter() < end:
            pass
        seen.append(time.process_time())

    for _ in range(400):
        loop.call_soon(work)
    await until(lambda: len(seen) == 400)
    timer.stop()
    inside = [t for t in gaps if seen[0] < t < seen[-1]]
    assert len(inside) >= 10
    assert max(b - a for a, b in itertools.pairwise(inside)) < 0.06


@pytest.mark.parametrize("delay", [0.0005, 0.001, 0.0133, 0.05, 0.25])
async def test_timers_are_never_early(delay: float) -> None:
    loop = asyncio.get_running_loop()
    late: list[float] = []
    done = asyncio.Event()

    def fired(due: float) -> None:
        late.append(loop.time() - due)
        if len(late) == 20:
            done.set()

    for i in range(20):
        due = loop.time() + delay + i * 0.00137
        loop.call_at(due, fired, due)
    await done.wait()
    assert min(late) >= 0


async def test_timers_run_in_the_order_of_their_times() -> None:
    loop, seen = asyncio.get_running_loop(), list[int]()
    begin = loop.time() + 0.01
    for i in reversed(range(20)):
        loop.call_at(begin + i * 0.005, seen.append, i)
    await until(lambda: len(seen) == 20)
    assert seen == list(range(20))


async def test_timers_less_than_a_millisecond_apart_run_in_their_order() -> None:
    """Qt rounds each to whole milliseconds from the time it is armed."""
    loop, seen = asyncio.get_running_loop(), list[int]()
    begin, handles = loop.time(), list[asyncio.TimerHandle]()
    while loop.time() >= begin:  # a busy machine may take long to get here
        for handle in handles:
            handle.cancel()
        begin = loop.time() + 0.02
        handles = [
            loop.call_at(begin + i * 0.0001, seen.append, i) for i in (*range(1, 200, 2), *range(0, 200, 2))
        ]
    await until(lambda: len(seen) == 200)
    assert seen == list(range(200))


async def test_cancelled_timer_leaves_no_qt_timer() -> None:
    loop = asyncio.get_running_loop()
    before = timers_of_loop()
    handles = [loop.call_later(3600, print) for _ in range(10)]
    assert timers_of_loop() - before == 10
    for handle in handles:
        handle.cancel()
        handle.cancel()
        assert handle.cancelled()
    assert timers_of_loop() == before
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(3600)
    assert timers_of_loop() == before


async def test_cancelled_timer_does_not_keep_its_callback() -> None:
    class Thing:
        def method(self) -> None: ...

    thing = Thing()
    asyncio.get_running_loop().call_later(3600, thing.method).cancel()
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None


async def test_timer_beyond_what_qt_can_count() -> None:
    loop = asyncio.get_running_loop()
    seen: list[int] = []
    handle = loop.call_later(60 * 60 * 24 * 365, seen.append, 1)
    assert handle.when() == pytest.approx(loop.time() + 60 * 60 * 24 * 365, abs=5)
    await turns()
    handle.cancel()
    assert seen == []


async def test_context_is_that_of_the_call() -> None:
    loop, seen = asyncio.get_running_loop(), list[str]()
    variable = contextvars.ContextVar("variable", default="outside")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")
    for call in (loop.call_soon, loop.call_soon_threadsafe):
        call(lambda: seen.append(variable.get()), context=context)
    loop.call_later(0.001, lambda: seen.append(variable.get()), context=context)
    await until(lambda: len(seen) == 3)
    assert seen == ["inside"] * 3


# --- exceptions -----------------------------------------------------------------------------------


async def test_exceptions_reach_the_exception_handler() -> None:
    loop = asyncio.get_running_loop()
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))
    ran: list[str] = []

    def bad(where: str) -> None:
        ran.append(where)
        raise ZeroDivisionError(where)

    loop.call_soon(bad, "soon")
    loop.call_later(0.001, bad, "later")
    loop.call_soon_threadsafe(bad, "threadsafe")
    loop.call_soon(ran.append, "after")
    await until(lambda: len(contexts) == 3)
    assert {str(context["exception"]) for context in contexts} == {"soon", "later", "threadsafe"}
    assert "after" in ran


@pytest.mark.logs("never retrieved")
async def test_lost_task_exception_is_reported() -> None:
    loop = asyncio.get_running_loop()
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))

    async def bad() -> None:
        raise ZeroDivisionError("lost")

    task = asyncio.create_task(bad())
    await asyncio.wait([task])
    del task
    gc.collect()
    assert "never retrieved" in contexts[0]["message"]


# --- nested Qt loops ------------------------------------------------------------------------------


async def ticker(seen: list[int]) -> None:
    while True:
        await asyncio.sleep(0.001)
        seen.append(len(seen))


@pytest.mark.parametrize("where", ["task", "slot"])
async def test_other_tasks_live_through_a_dialog(app: QApplication, where: str) -> None:
    seen: list[int] = []
    other = asyncio.create_task(ticker(seen))
    during: list[int] = []
    closed = asyncio.Event()

    def open_dialog() -> None:
        dialog = QDialog()
        before = len(seen)
        look = QTimer(dialog)
        look.timeout.connect(lambda: dialog.accept() if len(seen) > before + 5 else None)
        look.start(1)
        # If the others stood still, it would never end by itself.
        QTimer.singleShot(round(HANG_S * 1000), dialog, dialog.reject)
        dialog.exec()
        during.append(len(seen) - before)
        closed.set()

    await until(lambda: len(seen) > 3)
    if where == "task":
        open_dialog()
    else:
        QTimer.singleShot(0, open_dialog)
    await closed.wait()
    assert during[0] > 5, "the other task stood still while the dialog was open"
    count = len(seen)
    await until(lambda: len(seen) > count + 5)
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_the_task_that_opened_the_dialog_is_the_current_one_again() -> None:
    task = asyncio.current_task()
    inside: list[object] = []
    asyncio.get_running_loop().call_soon(lambda: inside.append(asyncio.current_task()))
    nested_loop_until(lambda: inside)
    assert inside == [None]
    assert asyncio.current_task() is task
    async with asyncio.timeout(HANG_S):
        await asyncio.sleep(0)


async def test_nested_loops_inside_nested_loops() -> None:
    seen: list[int] = []
    other = asyncio.create_task(ticker(seen))
    order: list[str] = []

    async def opens(name: str, until_then: Callable[[], object]) -> None:
        order.append(f"{name} opens")
        nested_loop_until(until_then)
        order.append(f"{name} closed")

    first = asyncio.create_task(opens("first", lambda: len(order) == 3))
    second = asyncio.create_task(opens("second", lambda: len(seen) > 3))
    await asyncio.gather(first, second)
    assert order == ["first opens", "second opens", "second closed", "first closed"]
    count = len(seen)
    await until(lambda: len(seen) > count + 3)
    other.cancel()


async def test_callbacks_keep_their_order_across_a_nested_loop() -> None:
    loop, seen = asyncio.get_running_loop(), list[int]()
    for i in range(50):
        if i == 10:
            loop.call_soon(lambda: in_nested_loop(10))
        loop.call_soon(seen.append, i)
    await until(lambda: len(seen) == 50)
    assert seen == list(range(50))


async def test_sockets_are_read_while_a_nested_loop_runs() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        answer = asyncio.create_task(reader.readline())
        writer.write(b"hello\n")
        nested_loop_until(answer.done)
        assert answer.result() == b"hello\n"
        writer.close()
        await writer.wait_closed()


async def test_a_protocol_that_runs_a_nested_loop_is_not_called_inside_itself() -> None:
    loop = asyncio.get_running_loop()
    got: list[bytes] = []
    depth = deepest = 0

    class Slow(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            nonlocal depth, deepest
            depth += 1
            deepest = max(deepest, depth)
            got.append(data)
            client.write(b"b" * len(got))
            if len(got) == 1:
                in_nested_loop(30)
            depth -= 1

    server = await loop.create_server(Slow, "127.0.0.1", 0)
    client, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    client.write(b"a")
    await until(lambda: len(b"".join(got)) >= 7)
    assert b"".join(got).startswith(b"abbb")
    assert deepest == 1
    client.close()
    server.close()
    await server.wait_closed()
    await turns(5)


class FakeProactor:
    """Windows' proactor as asyncio's transports see it: operations that the test completes."""

    def __init__(self) -> None:
        self.reads: list[asyncio.Future[int]] = []
        self.writes: list[asyncio.Future[int]] = []
        self.buffers: list[bytearray] = []

    def set_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def recv_into(self, _sock: socket.socket, buffer: bytearray) -> asyncio.Future[int]:
        self.buffers.append(buffer)
        self.reads.append(self._loop.create_future())
        return self.reads[-1]

    def send(self, _sock: socket.socket, _data: bytes) -> asyncio.Future[int]:
        self.writes.append(self._loop.create_future())
        return self.writes[-1]

    def arrive(self, data: bytes) -> None:
        self.buffers[-1][: len(data)] = data
        self.reads[-1].set_result(len(data))

    def close(self) -> None:
        for future in (*self.reads, *self.writes):
            future.cancel()


class ProactorLoop(BaseQtEventLoop, BaseProactorEventLoop):
    """The loop of Windows but for its completion port."""

    if TYPE_CHECKING:

        def _make_socket_transport(
            self, sock: socket.socket, protocol: asyncio.Protocol
        ) -> asyncio.Transport: ...


class Nesting(asyncio.Protocol):
    """Opens a nested Qt loop in one of its callbacks, and notes what is called meanwhile."""

    def __init__(self, opens_in: str, until_then: Callable[[], object]) -> None:
        self.opens_in, self.until_then = opens_in, until_then
        self.calls: list[str] = []
        self.depth = self.deepest = 0

    def _called(self, name: str) -> None:
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self.calls.append(name)
        if name == self.opens_in:
            nested_loop_until(self.until_then)
            self.calls.append(f"{name} ends")
        self.depth -= 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._called("made")

    def data_received(self, data: bytes) -> None:
        self._called(data.decode())

    def connection_lost(self, exc: Exception | None) -> None:
        self._called("lost")


@pytest.fixture
def proactor_loop(app: QApplication) -> Iterator[tuple[ProactorLoop, FakeProactor]]:
    proactor = FakeProactor()
    before = signal.set_wakeup_fd(-1)
    loop = ProactorLoop(app, proactor)
    yield loop, proactor
    loop.close()
    signal.set_wakeup_fd(before)


@pytest.mark.parametrize("opens_in", ["made", "a", "b"])
def test_the_proactor_does_not_call_a_protocol_inside_itself(
    proactor_loop: tuple[ProactorLoop, FakeProactor], opens_in: str
) -> None:
    """It issues the next read before it hands over what the last one brought."""
    loop, proactor = proactor_loop
    here, there = socket.socketpair()
    turned: list[int] = []
    protocol = Nesting(opens_in, lambda: turned.append(1) or len(turned) > 20)

    async def talk() -> None:
        transport = loop._make_socket_transport(here, protocol)
        transport.write(b"x")
        for name in "abc":
            await until(lambda: proactor.reads and not proactor.reads[-1].done())
            proactor.arrive(name.encode())
        await until(lambda: "c" in protocol.calls)
        transport.abort()
        await until(lambda: "lost" in protocol.calls)

    task = loop.create_task(talk())
    loop.run_until_complete(task)
    there.close()
    expected = [each for name in ("made", "a", "b", "c", "lost") for each in (name, f"{name} ends")]
    assert protocol.calls == [
        each for each in expected if not each.endswith("ends") or each[0] == opens_in[0]
    ]
    assert protocol.deepest == 1


def test_the_proactor_goes_on_writing_below_a_nested_loop(
    proactor_loop: tuple[ProactorLoop, FakeProactor],
) -> None:
    loop, proactor = proactor_loop
    here, there = socket.socketpair()
    protocol = Nesting("a", lambda: len(proactor.writes) == 3)

    async def talk() -> None:
        transport = loop._make_socket_transport(here, protocol)
        transport.write(b"1")
        transport.write(b"2")
        await until(lambda: proactor.reads)
        loop.call_soon(proactor.arrive, b"a")
        await until(lambda: "a" in protocol.calls)
        proactor.writes[0].set_result(1)
        await until(lambda: len(proactor.writes) == 2)
        transport.write(b"3")
        proactor.writes[1].set_result(1)
        await until(lambda: "a ends" in protocol.calls)
        transport.abort()
        await until(lambda: "lost" in protocol.calls)

    loop.run_until_complete(talk())
    there.close()
    assert protocol.calls == ["made", "a", "a ends", "lost"]


@pytest.mark.parametrize("opens_in", ["made", "a"])
async def test_a_connection_that_is_lost_below_a_nested_loop_is_told_after_it(opens_in: str) -> None:
    loop = asyncio.get_running_loop()
    turned: list[int] = []

    def aborted() -> bool:
        turned.append(1)
        if len(turned) == 5:
            transports[0].abort()
        return len(turned) > 20

    transports: list[asyncio.Transport] = []
    protocol = Nesting(opens_in, aborted)

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transports.append(transport)
            protocol.connection_made(transport)

        def data_received(self, data: bytes) -> None:
            protocol.data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            protocol.connection_lost(exc)

    server = await loop.create_server(Server, "127.0.0.1", 0)
    client, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    client.write(b"a")
    await until(lambda: "lost" in protocol.calls)
    assert protocol.deepest == 1
    assert protocol.calls[-2:] == [f"{opens_in} ends", "lost"]
    client.abort()
    server.close()
    await server.wait_closed()
    await turns(5)


async def test_a_socket_that_is_read_below_a_nested_loop_goes_on_being_written() -> None:
    """Both directions of a socket have the same descriptor."""
    loop = asyncio.get_running_loop()
    size = 16 << 20
    written = asyncio.Event()

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(b"x" * size)  # more than the socket takes at once
            in_nested_loop(50)
            written.set()

        def connection_lost(self, exc: Exception | None) -> None:
            pass

    got = 0

    class Client(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            nonlocal got
            got += len(data)

    server = await loop.create_server(Server, "127.0.0.1", 0)
    client, _ = await loop.create_connection(Client, *server.sockets[0].getsockname())
    client.write(b"a")
    await written.wait()
    await until(lambda: got == size)
    client.close()
    server.close()
    await server.wait_closed()
    await turns(5)


async def test_exception_in_a_task_with_a_dialog_leaves_the_loop_sound() -> None:
    async def bad() -> None:
        in_nested_loop(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.create_task(bad())
    await asyncio.sleep(0.001)


# --- threads and asyncio's own tools ---------------------------------------------------------------


async def test_call_soon_threadsafe_from_a_thread_keeps_order_and_runs_here() -> None:
    loop, seen, where = asyncio.get_running_loop(), list[int](), set[int]()

    def note(i: int) -> None:
        seen.append(i)
        where.add(threading.get_ident())

    def work() -> None:
        for i in range(500):
            loop.call_soon_threadsafe(note, i)

    thread = threading.Thread(target=work)
    thread.start()
    await until(lambda: len(seen) == 500)
    thread.join()
    assert seen == list(range(500))
    assert where == {threading.get_ident()}


async def test_call_soon_threadsafe_gives_a_handle_that_can_be_cancelled() -> None:
    seen: list[int] = []
    handle = asyncio.get_running_loop().call_soon_threadsafe(seen.append, 1)
    handle.cancel()
    await turns()
    assert seen == []


def test_call_soon_threadsafe_on_a_closed_loop_says_so(app: QApplication) -> None:
    loop = QtEventLoop(app)
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)


async def test_work_in_threads() -> None:
    loop = asyncio.get_running_loop()
    ident = await asyncio.to_thread(threading.get_ident)
    assert ident != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 // 0)

    async def inside(value: int) -> int:
        await asyncio.sleep(0)
        return value * 2

    def from_thread() -> int:
        return asyncio.run_coroutine_threadsafe(inside(21), loop).result(HANG_S)

    assert await asyncio.to_thread(from_thread) == 42


async def test_task_group_and_timeouts() -> None:
    async def value(n: int) -> int:
        await asyncio.sleep(0.001 * n)
        return n

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(value(n)) for n in range(10)]
    assert [task.result() for task in tasks] == list(range(10))

    async def bad() -> None:
        raise ZeroDivisionError

    async def fails() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(3600))
            group.create_task(bad())

    with pytest.raises(ExceptionGroup):
        await fails()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(3600), 0.01)


async def test_an_abandoned_generator_is_closed() -> None:
    closed: list[str] = []

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    generator = generate()
    assert await anext(generator) == 1
    del generator
    gc.collect()
    await until(lambda: closed)


async def test_getaddrinfo_works() -> None:
    assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)


def test_closed_loop_is_collected(app: QApplication) -> None:
    loop = QtEventLoop(app)

    async def nothing() -> None:
        await asyncio.sleep(0.001)

    loop.run_until_complete(nothing())
    loop.close()
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


def test_tasks_rest_while_the_loop_does_not_run(app: QApplication) -> None:
    """Qt may turn meanwhile: without a running loop a task that went on would die of it."""
    loop = QtEventLoop(app)
    seen: list[int] = []

    async def background() -> None:
        while True:
            seen.append(len(seen))
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)

    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(background())

    task = loop.run_until_complete(start())
    for _ in range(3):
        count = len(seen)
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            app.processEvents()
        assert len(seen) == count
        loop.run_until_complete(until(lambda count=count: len(seen) > count + 2))
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()


def test_qt_does_not_turn_once_more_when_a_coroutine_is_done(app: QApplication) -> None:
    """A slot that starts a coroutine would find no running loop."""
    loop = QtEventLoop(app)
    loops: list[object] = []

    def be_due_right_after(_future: object) -> None:
        QTimer.singleShot(1, lambda: loops.append(asyncio._get_running_loop()))
        time.sleep(0.002)

    future = loop.create_future()
    future.add_done_callback(be_due_right_after)
    loop.call_soon(future.set_result, None)
    loop.run_until_complete(future)
    # On a machine that stood still meanwhile it may have been due before the loop was reported to stop.
    assert None not in loops
    loop.run_until_complete(until(lambda: loops))
    assert loops == [loop]
    loop.close()


def test_a_loop_that_cannot_run_says_so(app: QApplication) -> None:
    loop, other = QtEventLoop(app), QtEventLoop(app)

    async def nest() -> None:
        with pytest.raises(RuntimeError, match="already running"):
            loop.run_until_complete(loop.create_future())
        with pytest.raises(RuntimeError, match="already running"):
            loop.run_forever()
        with pytest.raises(RuntimeError, match="another event loop"):
            other.run_forever()
        with pytest.raises(RuntimeError, match="running"):
            loop.close()
        assert loop.is_running()

    loop.run_until_complete(nest())
    assert not loop.is_running()
    loop.stop()  # nothing to stop
    stopped = loop.create_future()
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(stopped)
    loop.close()
    other.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_forever()


def test_a_loop_without_an_application_is_refused() -> None:
    done = run_program(
        "from qt_upbit.qt.event_loop import QtEventLoop\n"
        "try:\n    QtEventLoop()\nexcept RuntimeError as exc:\n    print(exc)\n"
    )
    assert (done.stdout.strip(), done.stderr) == ("create a QApplication before its event loop", "")


def test_run_until_complete_twice_on_one_loop(app: QApplication) -> None:
    loop = QtEventLoop(app)

    async def value(n: int) -> int:
        await asyncio.sleep(0.001)
        return n

    assert [loop.run_until_complete(value(n)) for n in range(3)] == [0, 1, 2]
    loop.close()


@on_both_loops
async def test_both_loops_run_the_tests_helpers() -> None:
    name = type(asyncio.get_running_loop()).__name__
    assert name in (
        "QtEventLoop",
        "QUnixEventLoop",
        "QEventLoop",
        "_QEventLoop",
        "QSelectorEventLoop",
        "QIOCPEventLoop",
    )
    await asyncio.sleep(0.001)
