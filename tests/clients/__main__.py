"""``python -m tests.clients``: every call that the simulated exchange has, through other people's clients.

Makes an environment of its own (``--environment``, by default a temporary one) with `PACKAGES` from pip,
starts an exchange with the whole market, runs each client's own methods and prints the tables of
docs/clients.md. With ``--write`` the page is written, with ``--check`` it is compared.
Fails if a method does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedServer,
    SimulatorSettings,
)

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "clients.md"
PACKAGES: Final = {"upbit-sdk": "upbit_sdk_calls", "ccxt": "ccxt_calls", "pyupbit": "pyupbit_calls"}
"""What pip installs, and the module that calls it."""
NOT_CALLED: Final = {
    "pyupbit": {"get_daily_ohlcv_from_base": "uses an option that pandas has removed"},
}
"""Methods left out although what they call is simulated, and why."""
TIMEOUT_S: Final = 300.0
_HEAD: Final = """# Other people's clients

<!-- Written by `python -m tests.clients --write`; do not edit. -->

What the simulated exchange answers is checked with clients that were not written for it: each runs its
own methods, over HTTP and sockets, with nothing changed but the address. `python -m tests.clients` installs
them with pip into an environment of their own, runs them and prints these tables; so does CI (15 seconds,
and 25 for pip).

*Body as declared*: for Upbit's SDK every field has the type that its models declare, and none is missing;
fields behind "and" were captured on the wire and are not in its models. For ccxt the unified structure is
complete, for pyupbit the answer has what its documentation names.
"""


@dataclass
class Client:
    """What a client's run reported."""

    name: str
    version: str = "?"
    rows: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    stderr: str = ""

    @property
    def failures(self) -> list[str]:
        """What did not work, or had another body."""
        odd = [row for row in self.rows if not row["works"] or row["body"].startswith("no")]
        found = [f"{self.name} {row['method']}: {row['body']}" for row in odd]
        return (
            found if self.version != "?" else [*found, f"{self.name} did not finish: {self.stderr[-2000:]}"]
        )


def interpreter_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_environment(folder: Path) -> Path:
    """An environment with the clients; its Python. One that is there already is used."""
    python = interpreter_of(folder)
    if not python.exists():
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *PACKAGES]
        subprocess.run(command, check=True)
    return python


async def run_client(python: Path, name: str, url: str) -> Client:
    """Run a client's calls in their environment."""
    client = Client(name)
    # Not as `tests.…`: some of the packages install a package of that name.
    process = await asyncio.create_subprocess_exec(
        str(python), "-m", f"clients.{PACKAGES[name]}", url, SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    except TimeoutError:
        process.kill()
        out, errors = await process.communicate()
    client.stderr = errors.decode(errors="replace")
    for line in out.decode().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            row = json.loads(line)
            if "version" in row:
                client.version, client.left = row["version"], row["left"]
            else:
                client.rows.append(row)
    return client


async def run_all(python: Path) -> list[Client]:
    """Run every client, one after the other, each against an exchange of its own."""
    found = []
    for name in PACKAGES:
        settings = SimulatorSettings(
            rate=0.3,
            order_interval_s=0.5,
            announcement_interval_s=1.0,
            rest_limit=1000,
            connects_per_second=1000,
            messages_per_second=1000,
            messages_per_minute=10_000,
        )
        async with SimulatedServer(settings) as server:
            found.append(await run_client(python, name, server.url))
    return found


def page(clients: Iterable[Client]) -> str:
    """The page of docs."""
    parts = [_HEAD]
    for client in clients:
        parts += [
            f"## {client.name} {client.version}\n",
            "| method | works | body as declared |",
            "|---|---|---|",
        ]
        for row in client.rows:
            parts.append(f"| `{row['method']}` | {'yes' if row['works'] else 'no'} | {row['body']} |")
        reasons = NOT_CALLED.get(client.name, {})
        left = ", ".join(f"`{method}`" for method in client.left if method not in reasons)
        parts.append(f"\nNot simulated: {left or 'none'}.\n")
        parts += [f"Not called: `{method}`, which {why}.\n" for method, why in reasons.items()]
    return "\n".join(parts).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every method works."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--environment", type=Path, help="where the clients are, or are to be installed")
    parser.add_argument("--write", action="store_true", help="write docs/clients.md")
    parser.add_argument("--check", action="store_true", help="fail if docs/clients.md says something else")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        python = make_environment(given.environment or Path(scratch) / "env")
        clients = asyncio.run(run_all(python))
    text = page(clients)
    failures = [failure for client in clients for failure in client.failures]
    if given.write:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    elif given.check:
        failures += differences(PAGE.read_text(encoding="utf-8"), text)
    else:
        print(text)
    for client in clients:
        print(f"{client.name} {client.version}: {len(client.rows)} methods, {len(client.left)} not simulated")
    print(*(f"FAILED: {failure}" for failure in failures), sep="\n", file=sys.stderr)
    return 1 if failures else 0


def differences(written: str, found: str) -> list[str]:
    """Methods that the page says work, and that were not called now; versions may differ."""
    methods = [{line for line in text.splitlines() if line.startswith("| `")} for text in (written, found)]
    return [f"docs/clients.md differs: {line}" for line in sorted(methods[0] - methods[1])]


if __name__ == "__main__":
    sys.exit(main())
