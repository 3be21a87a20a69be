"""Looking for keys and tokens in everything that a program may show, write or send elsewhere."""

from __future__ import annotations

import copy
import gc
import inspect
import logging
import pickle
import re
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from qt_upbit import Credentials
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings

ACCESS_KEY = "AccessKeyThatMustNeverShow0123456789abcd"
SECRET_KEY = "SecretKeyThatMustNeverShow0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
KEYS = Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)

JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
"""What looks like a token, ours or not."""

LOGGERS = ("", "asyncio", "aiohttp", "httpcore", "httpx", "qt_upbit", "upbit", "websockets")


def settings(**values: Any) -> SimulatorSettings:
    """A quiet exchange that knows our key."""
    quiet: dict[str, Any] = {
        "market_running": False,
        "account_running": False,
        "announcement_interval_s": None,
    }
    small = {"markets": 5, "snapshot_delays_s": (0.01, 0.02), "tick_interval_s": 0.003}
    return SimulatorSettings(access_key=ACCESS_KEY, secret_key=SECRET_KEY, **(quiet | small | values))


class SecretHunt(logging.Handler):
    """Collects what shows while it is active, with every logger at DEBUG; `check` looks through it.

    Attributes:
        tokens: every token that the exchange was sent.
        shown: text by where it was found.
    """

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.tokens: set[str] = set()
        self.shown: list[tuple[str, str]] = []
        self._levels: dict[str, int] = {}

    def __enter__(self) -> Self:
        known = [name for name in logging.root.manager.loggerDict if name.startswith(LOGGERS[1:])]
        for name in {*LOGGERS, *known}:
            logger = logging.getLogger(name)
            self._levels[name] = logger.level
            logger.setLevel(logging.DEBUG)
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        # As a line of a log, and with what a structured handler would add.
        text = f"{self.format(record)} {record.args!r}"
        self.shown.append((f"log of {record.name}", text))

    def listen(self, server: SimulatedServer) -> None:
        """Note the tokens that a server is sent, accepted or not."""
        verify = server.exchange.verify_token

        def note(authorization: str | None, query: str = "") -> Account:
            if authorization:
                self.tokens.add(authorization.partition(" ")[2])
            return verify(authorization, query)

        server.exchange.verify_token = note  # type: ignore[method-assign]  # seen on the way

    def show(self, *things: object) -> None:
        """Look at objects in each of the ways in which they are shown or passed on."""
        for thing in things:
            name = type(thing).__name__
            for show in (repr, str, format, ascii):
                self.shown.append((f"{show.__name__}({name})", show(thing)))
            if isinstance(thing, BaseException):
                self.show_error(thing)
            ways: tuple[Any, ...] = (pickle.dumps, copy.copy, copy.deepcopy)
            for how in ways:
                try:
                    made = how(thing)
                except Exception as exc:  # refused, which is as good
                    self.shown.append((f"{how.__name__}({name})", repr(exc)))
                else:
                    text = made.decode("latin-1") if isinstance(made, bytes) else repr(made)
                    self.shown.append((f"{how.__name__}({name})", text))
            for method in ("model_dump", "model_dump_json", "as_dict"):
                if hasattr(thing, method):
                    self.shown.append((f"{name}.{method}()", repr(getattr(thing, method)())))

    def show_error(self, error: BaseException) -> None:
        """Look at an exception as the tools do that report it with the variables of every frame."""
        seen: list[BaseException] = []
        each: BaseException | None = error
        while each is not None and each not in seen:
            seen.append(each)
            lines = traceback.TracebackException.from_exception(each, capture_locals=True).format()
            self.shown.append((f"traceback of {type(each).__name__}", "".join(lines)))
            fields = [repr(value) for value in (*each.args, *vars(each).values())]
            self.shown.append((f"fields of {type(each).__name__}", " ".join(fields)))
            # Also what is suppressed: some tools follow it.
            each = each.__cause__ or each.__context__

    def show_all_of_ours(self) -> int:
        """Look at every object of the library that is alive, by repr; how many there were."""
        count = 0
        for thing in gc.get_objects():
            kind = type(thing)
            module = str(kind.__module__)
            if not module.startswith("qt_upbit") or module.startswith("qt_upbit.simulator"):
                continue
            try:
                self.shown.append((f"repr({kind.__name__})", repr(thing)))
            except RuntimeError:  # its C++ part is gone
                continue
            count += 1
        return count

    def show_frames(self, frames: Iterable[Any]) -> None:
        """Look at the variables of running functions of ours."""
        for frame in frames:
            if frame.f_globals.get("__name__", "").startswith("qt_upbit.") and not inspect.isclass(frame):
                text = " ".join(f"{name}={value!r}" for name, value in frame.f_locals.items())
                self.shown.append((f"variables of {frame.f_code.co_qualname}", text))

    def check(self, *, tokens: bool = True) -> None:
        """Fail if anything that was shown has a key or a token in it.

        Args:
            tokens: some must have been sent, or there was nothing to find.
        """
        assert bool(self.tokens) or not tokens, "no token was ever sent: the hunt proves nothing"
        assert self.shown
        secrets = {"access key": ACCESS_KEY, "secret key": SECRET_KEY}
        secrets |= {f"token {number}": token for number, token in enumerate(self.tokens)}
        # A part is as bad: the middle holds the access key, the end signs.
        parts = {token.split(".")[n] for token in self.tokens if token.count(".") == 2 for n in (1, 2)}
        # ... and so is what is left of one that was cut off.
        parts |= {end for part in parts for end in (part[:32], part[-32:])}
        secrets |= {f"part of a token {number}": part for number, part in enumerate(parts)}
        leaks = {
            f"{what} in {where}"
            for where, text in self.shown
            for what, secret in secrets.items()
            if secret in text
        }
        leaks |= {f"a token in {where}" for where, text in self.shown if JWT.search(text)}
        assert not leaks, "\n  ".join(["secrets show:", *sorted(leaks)])
