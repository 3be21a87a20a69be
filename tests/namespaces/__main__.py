"""``python -m tests.namespaces``: what broken networks cost. Linux only.

Two network namespaces with a link that loses what it is told to (`Link`): the simulated exchange behind TLS
in one, the library with its default timings in the other. It makes a user namespace for that, needs no
privileges where the system allows this, and changes nothing outside. It is not one of pytest's tests because
a namespace belongs to a process. Where it cannot run it says what is missing, and the exit code is 2; it is
1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_INSIDE: Final = "--inside"
_UNSHARE: Final = ("unshare", "--user", "--map-root-user", "--net")
_CLIENT_ADDRESS: Final = "10.9.0.1"
_DEAD_ADDRESS: Final = "10.9.9.9"
_GIVE_UP_S: Final = 120.0
_RENEWALS: Final = 30
_AWAY_S: Final = 10.0


def what_is_missing() -> str | None:
    """Why this machine cannot run it, None if it can."""
    if sys.platform != "linux":
        return f"network namespaces exist on Linux only, not on {sys.platform}"
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        if shutil.which(tool) is None:
            return f"`{tool}` is not installed (Debian: {package})"
    if not os.access("/dev/net/tun", os.F_OK):
        return "/dev/net/tun does not exist: the kernel has no TUN devices"
    found = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True)
    if found.returncode:
        return f"no user and network namespace can be made: {found.stderr.strip()}"
    made = subprocess.run(
        [*_UNSHARE, "ip", "tuntap", "add", "dev", "near", "mode", "tun"], capture_output=True, text=True
    )
    if made.returncode:
        return f"no TUN device can be made in a namespace: {made.stderr.strip()}"
    return None


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f} s"


@dataclass
class Row:
    """What a broken network cost.

    Attributes:
        first_tick_s: from subscribing, None if that was not measured.
        rest_s: of the first call, its imports excluded.
        reported_s: from the fault to the first error or state that tells.
        recovery_s: from the end of the fault to the first live data.
        bound_s: of the last one that was measured.
        note: anything else.
    """

    name: str
    bound_s: float
    first_tick_s: float | None = None
    rest_s: float | None = None
    reported_s: float | None = None
    recovery_s: float | None = None
    note: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether what was measured is within the bound."""
        figures = (self.first_tick_s, self.rest_s, self.recovery_s)
        return all(figure <= self.bound_s for figure in figures if figure is not None)

    def __str__(self) -> str:
        figures = map(_shown, (self.first_tick_s, self.rest_s, self.reported_s, self.recovery_s))
        late = "" if self.is_kept else f" **more than {self.bound_s:g} s**"
        return f"| {self.name} | {' | '.join(figures)} | {self.note}{late} |"


def _command(line: str) -> None:
    subprocess.run(line.split(), check=True)


@dataclass
class Network:
    """Both namespaces, joined."""

    link: Any
    url: str
    ca_bundle: str
    _input: IO[str]
    _output: IO[str]

    def tell(self, line: str) -> None:
        """Have the exchange do something."""
        self._input.write(line + "\n")
        self._input.flush()

    def hear(self) -> dict[str, Any]:
        """What it says next."""
        said: dict[str, Any] = json.loads(self._output.readline())
        return said


@contextmanager
def network() -> Iterator[Network]:
    """Make the namespace of the exchange and the link; this process is in the client's already."""
    from tests.namespaces.link import Link

    link = Link("near", "far")
    command = ["unshare", "--net", sys.executable, "-m", "tests.namespaces.exchange"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdout.readline()
            _command(f"ip link set far netns {process.pid}")
            _command("ip link set lo up")
            _command(f"ip address add {_CLIENT_ADDRESS}/24 dev near")
            up()
            link.start()
            made = Network(link, "", "", process.stdin, process.stdout)
            made.tell(f"{folder} far")
            said = made.hear()
            made.url, made.ca_bundle = f"https://exchange.test:{said['port']}", said["ca_bundle"]
            yield made
        finally:
            process.kill()


def up() -> None:
    """Bring the client's device up, with a route to an address that nobody has."""
    _command("ip link set near up")
    _command("ip route replace 10.9.9.0/24 dev near")


@dataclass
class Client:
    """A widget, as users write it.

    Attributes:
        arrivals: times at which live data came.
        signs: times at which an error or another state was told.
    """

    network: Network
    arrivals: list[float] = field(default_factory=list)
    signs: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    renewals: int = 0

    def __post_init__(self) -> None:
        from qt_upbit import (
            ConnectionState,
            Credentials,
            GlobalWebSocketManager,
            WebSocketClientProxy,
            WebSocketConfig,
        )
        from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY

        keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
        self.manager = GlobalWebSocketManager(
            WebSocketConfig(
                base_url=self.network.url,
                ca_bundle=self.network.ca_bundle,
                credentials=keys,
                use_system_proxy=False,
            )
        )
        self.proxy = WebSocketClientProxy("widget", manager=self.manager)

        def note_error(_owner: object, error: object) -> None:
            self.errors.append(str(error))
            self.signs.append(time.perf_counter())

        def note_state(_scope: object, state: object) -> None:
            if state is not ConnectionState.LIVE:
                self.signs.append(time.perf_counter())

        def note_renewal(_scope: object) -> None:
            self.renewals += 1

        self.manager.error_occurred.connect(note_error)
        self.manager.state_changed.connect(note_state)
        self.manager.token_renewed.connect(note_renewal)

    def subscribe(self) -> None:
        """To what flows."""
        for name in ("ticker", "trade", "orderbook"):
            self.proxy.subscribe(
                name, ["KRW-BTC"], callback=lambda event: self.arrivals.append(time.perf_counter())
            )

    async def first_tick(self) -> float:
        """Seconds from subscribing to the first data."""
        began = time.perf_counter()
        self.subscribe()
        await until(lambda: self.arrivals)
        return self.arrivals[0] - began

    async def rest(self) -> float:
        """Seconds of a call."""
        began = time.perf_counter()
        await self.manager.rest.get_markets()
        return time.perf_counter() - began

    async def flowing(self) -> None:
        """Until much has come."""
        await until(lambda: len(self.arrivals) > 50)

    async def sign_after(self, at: float) -> float:
        """Seconds from then to the first error or state that tells."""
        await until(lambda: self.signs and self.signs[-1] > at)
        return next(sign for sign in self.signs if sign > at) - at

    async def tick_after(self, at: float) -> float:
        """Seconds from then to the next data."""
        await until(lambda: self.arrivals and self.arrivals[-1] > at)
        return next(arrival for arrival in self.arrivals if arrival > at) - at

    async def aclose(self) -> None:
        """End it."""
        self.proxy.close()
        await self.manager.aclose()
        self.manager.deleteLater()


async def until(condition: Callable[[], object], give_up_s: float = _GIVE_UP_S) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come.
    """
    async with asyncio.timeout(give_up_s):
        while not condition():
            await asyncio.sleep(0.003)


async def _healthy(client: Client) -> Row:
    return Row("nothing", 5.0, await client.first_tick(), await client.rest())


async def _lossy(client: Client) -> Row:
    client.network.link.loss, client.network.link.delay_s = 0.05, 0.02
    return Row(
        "5 % of the packets lost, 40 ms there and back", 10.0, await client.first_tick(), await client.rest()
    )


async def _dead_first_address(client: Client) -> Row:
    row = Row("route to the first of two addresses black-holed", 5.0)
    row.first_tick_s, row.rest_s = await client.first_tick(), await client.rest()
    return row


async def _interrupted(client: Client, name: str, begin: Callable[[], None], end: Callable[[], None]) -> Row:
    row = Row(name, 5.0, await client.first_tick(), await client.rest())
    await client.flowing()
    at = time.perf_counter()
    begin()
    row.reported_s = await client.sign_after(at)
    await asyncio.sleep(max(0.0, _AWAY_S - (time.perf_counter() - at)))
    at = time.perf_counter()
    end()
    row.recovery_s = await client.tick_after(at + 0.05)  # what was on its way does not count
    return row


async def _route_lost(client: Client) -> Row:
    def begin() -> None:
        client.network.link.is_black_hole = True

    name = f"route black-holed for {_AWAY_S:.0f} s"
    return await _interrupted(client, name, begin, client.network.link.heal)


async def _link_down(client: Client) -> Row:
    name = f"link down for {_AWAY_S:.0f} s, then up"
    return await _interrupted(client, name, lambda: _command("ip link set near down"), up)


async def _small_mtu(client: Client) -> Row:
    def begin() -> None:
        client.network.link.mtu = 1280

    name = "MTU black hole (1,280) comes up, then goes"
    return await _interrupted(client, name, begin, client.network.link.heal)


async def _small_mtu_from_the_start(client: Client) -> Row:
    row = Row("MTU black hole (1,280) from the start", 10.0)
    client.network.link.mtu = 1280
    at = time.perf_counter()
    client.subscribe()
    await until(lambda: client.errors)
    row.reported_s = client.signs[-1] - at
    row.note = client.errors[0]
    at = time.perf_counter()
    client.network.link.heal()
    row.recovery_s = await client.tick_after(at)
    return row


async def _renewals(client: Client) -> Row:
    from qt_upbit import Scope

    link, manager = client.network.link, client.manager
    row = Row(f"{_RENEWALS} renewals at 5 % loss, 40 ms", 10.0)
    await client.proxy.subscribe_my_order(callback=lambda event: client.orders.append(event.uuid))
    link.loss, link.delay_s = 0.05, 0.02
    client.network.tell("publish")
    began = time.perf_counter()
    slowest = 0.0
    for number in range(1, _RENEWALS + 1):
        await until(lambda: manager.renew(Scope.PRIVATE))
        at = time.perf_counter()
        await until(lambda number=number: client.renewals >= number)
        slowest = max(slowest, time.perf_counter() - at)
    took = time.perf_counter() - began
    client.network.tell("stop")
    published = client.network.hear()["published"]
    link.heal()
    await until(lambda: len(client.orders) >= published)
    await asyncio.sleep(0.5)  # for one that comes twice
    expected = [f"order-{number}" for number in range(1, published + 1)]
    metrics = manager.metrics().scopes[Scope.PRIVATE]
    row.recovery_s = 0.0 if client.orders == expected else float("inf")
    row.note = (
        f"{took:.0f} s, the slowest {slowest:.1f} s; {len(client.orders)} of {published} orders, "
        f"{'each once and in order' if client.orders == expected else 'NOT as published'}; "
        f"{metrics.reconnects} reconnects, {link.lost} packets lost"
    )
    return row


Scenario = Callable[[Client], Awaitable[Row]]
_SCENARIOS: Final[tuple[Scenario, ...]] = (
    _healthy,
    _lossy,
    _dead_first_address,
    _route_lost,
    _link_down,
    _small_mtu,
    _small_mtu_from_the_start,
    _renewals,
)


async def _measure(net: Network, scenario: Scenario) -> Row:
    import pytest

    from tests.support.world import fake_names

    dead_first = [_DEAD_ADDRESS] if scenario is _dead_first_address else []
    with (
        pytest.MonkeyPatch.context() as patch,
        fake_names(patch, {"exchange.test": [*dead_first, "10.9.0.2"]}),
    ):
        client = Client(net)
        try:
            return await scenario(client)
        except TimeoutError:
            name = scenario.__name__.strip("_").replace("_", " ")
            return Row(name, 0.0, recovery_s=float("inf"), note=f"never: {client.errors[-1:]}")
        finally:
            net.link.heal()
            net.link.delay_s = 0.0
            await client.aclose()


def _inside(only: str | None) -> int:
    import upbit  # noqa: F401  # its imports are no part of what a network costs

    import qt_upbit

    async def every() -> bool:
        print("| network | first tick | REST | reported after | back after | |\n|---|---|---|---|---|---|")
        is_kept = True
        with network() as net:
            for scenario in _SCENARIOS:
                if only is None or only in scenario.__name__:
                    row = await _measure(net, scenario)
                    print(row, flush=True)
                    is_kept = is_kept and row.is_kept
        return is_kept

    return int(not qt_upbit.run(every(), argv=["namespaces"]))


def main() -> int:
    """Go into a namespace, measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.namespaces",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="NAME", help="scenarios whose function has this in its name")
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return _inside(args.only)
    missing = what_is_missing()
    if missing is not None:
        print(f"cannot run here: {missing}", file=sys.stderr)
        return 2
    command = [*_UNSHARE, sys.executable, "-m", "tests.namespaces", _INSIDE]
    return subprocess.run(command + (["--only", args.only] if args.only else [])).returncode


if __name__ == "__main__":
    sys.exit(main())
