"""`Keepalive`: cuts idle sockets, and sends a periodic status after PING (protocol section 5)."""

from __future__ import annotations

from qt_upbit.protocol import wire
from qt_upbit.simulator.sessions.dispatcher import Dispatcher
from qt_upbit.simulator.sessions.session import Close, Session
from qt_upbit.simulator.sessions.timers import Timers
from qt_upbit.simulator.settings import SimulatorSettings

__all__ = ["Keepalive"]


class Keepalive:
    """Watches sessions from `watch` on, until they are closed.

    Args:
        settings: idle timeout and status interval.
        dispatcher: sends the status frames.
        timers: the clock.
    """

    def __init__(self, settings: SimulatorSettings, dispatcher: Dispatcher, timers: Timers) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._timers = timers

    def watch(self, session: Session) -> None:
        """Cut a session once nothing was sent or received for too long."""
        due = session.last_activity + self._settings.idle_timeout_s
        self._timers.call_at(due, lambda now: self._check(session, now))

    def _check(self, session: Session, now: float) -> None:
        if session.closed or session.silent:
            return
        if session.last_activity + self._settings.idle_timeout_s <= now:
            session.put(Close(None, "idle"))
        else:
            self.watch(session)

    def start_heartbeat(self, session: Session, now: float) -> None:
        """Start sending status UP; a second PING changes nothing."""
        if not session.heartbeat:
            session.heartbeat = True
            self._plan(session, now)

    def _plan(self, session: Session, now: float) -> None:
        interval = self._settings.up_interval_s
        first = session.created + session.heartbeat_phase
        count = int((now - first) // interval) + 1 if now >= first else 0
        self._timers.call_at(first + count * interval, lambda at: self._beat(session, at))

    def _beat(self, session: Session, now: float) -> None:
        if session.closed or session.closing or session.silent:
            return
        session.last_activity = now
        self._dispatcher.send_control(session, wire.encode_status())
        self._plan(session, now)
