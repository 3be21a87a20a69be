"""Files of the repository, recordings among them, carry no tokens and no keys but invented ones."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.wire import Request, RequestItem, encode_request
from qt_upbit.simulator import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, Replay
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.types import Scope, WireFormat
from tests.support.frames import DATA
from tests.support.secrets import ACCESS_KEY, JWT, KEYS, SECRET_KEY, settings

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".ci", "benchmarks", "demo_app", "docs", "examples", "qt_upbit", "resources", "tests")
CERTIFICATE = "tests/support/self_signed.pem"

KEY = re.compile(r"(?<![\w/+=.-])[A-Za-z0-9]{40}(?![\w/+=.-])")
"""An access key or a secret of Upbit: forty letters and digits."""
BEARER = re.compile(r"Bearer [\w.-]{20,}")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
METADATA = {b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"}


def files() -> Iterator[Path]:
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in FOLDERS:
        for parent, folders, names in os.walk(ROOT / folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from (Path(parent) / name for name in names)


def findings(text: str) -> list[str]:
    """What looks like a secret."""
    # Invented: the simulated exchange's, and those that tests look for.
    for known in (SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, ACCESS_KEY, SECRET_KEY):
        text = text.replace(known, "")
    keys = [key for key in KEY.findall(text) if _is_mixed(key)]
    return keys + [found for pattern in (JWT, BEARER, PRIVATE_KEY) for found in pattern.findall(text)]


def _is_mixed(text: str) -> bool:
    """As random keys are: a digest is in one case, and a name has no digits."""
    return all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]"))


def test_no_file_has_a_token_or_a_key_in_it() -> None:
    seen, found = 0, []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        seen += 1
        if name != CERTIFICATE:
            text = path.read_bytes().decode("latin-1")
            found += [f"{name}: {each[:12]}…" for each in findings(text)]
    assert found == []
    assert seen > 150


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/**/*.png")), ids=lambda path: path.name)
def test_screenshots_say_nothing_of_where_they_were_made(path: Path) -> None:
    assert not chunks(path.read_bytes()) & METADATA


def chunks(data: bytes) -> set[bytes]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = set(), 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        found.add(data[at + 4 : at + 8])
        at += 12 + length
    return found


@pytest.mark.parametrize(
    "text",
    [
        "key = " + "Ab3dEf6hIj" * 4,
        '"' + "x9Y8" * 10 + '"',
        "Authorization: Bearer " + "a" * 30,
        JWTManager(KEYS).create_token(),
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
)
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert findings(f"before {text} after")


def test_the_check_of_screenshots_sees_text() -> None:
    assert b"tEXt" in chunks(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2) + b"tEXtab" + b"crc!")


# --- recordings ------------------------------------------------------------------------------------


def test_a_recording_with_a_token_in_it_is_not_played(tmp_path: Path) -> None:
    frame = (DATA / "ticker.default.jsonl").read_text(encoding="utf-8").splitlines()[0].strip()
    token = JWTManager(KEYS).create_token()
    line = f'{{"recv": 1.0, "frame": {frame[:-1]}, "note": "{token}"}}}}'
    path = tmp_path / "recording.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: contains what looks like a token") as caught:
        Replay.from_file(path)
    assert token not in str(caught.value)
    path.write_text(line.replace(token, "harmless"), encoding="utf-8")
    assert len(Replay.from_file(path).frames) == 1


def test_a_replay_needs_no_token_and_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = Replay.from_file(DATA / "capture.2021-04-17.simple.jsonl", speed=1000)
    exchange = SimulatedExchange(settings(), now=1000.0, replay=replay)

    def refuse(*_: object) -> None:
        raise AssertionError("a token was asked for")

    monkeypatch.setattr(exchange, "verify_token", refuse)
    session = exchange.connect(Scope.PUBLIC, 1000.0)
    items = tuple(
        RequestItem(wire_type, tuple(sorted({code for kind, code in replay.streams if kind == wire_type})))
        for wire_type in sorted({kind for kind, _ in replay.streams})
    )
    exchange.receive(session, encode_request(Request("t", items, WireFormat.DEFAULT)), 1000.0)
    sent: list[bytes] = []
    for step in range(200):
        exchange.tick(1000.0 + step * 0.1)
        sent += [each for each in session.take() if isinstance(each, bytes)]
    assert replay.is_finished
    assert len(sent) >= len(replay.frames)
    assert not [data for data in sent if findings(data.decode())]
