"""Keys in the system's key store: kept, found again, forgotten, and never shown."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from qt_upbit import ConfigError, Credentials, delete_credentials, load_credentials, save_credentials

KEYS = Credentials(access_key="the-access-key", secret_key="the-secret-key")


class MemoryKeyring(KeyringBackend):
    """A key store that is a dictionary."""

    priority = 1  # a class property there

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("the store is locked")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("the store is locked")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


@pytest.fixture
def store() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_keys_are_found_again(store: MemoryKeyring) -> None:
    assert load_credentials() is None
    save_credentials(KEYS)
    found = load_credentials()
    assert found == KEYS
    assert found is not None
    assert found.secret_key.get_secret_value() == "the-secret-key"
    assert list(store.entries) == [("qt_upbit", "default")]


def test_profiles_are_apart(store: MemoryKeyring) -> None:
    other = Credentials(access_key="a", secret_key="b")
    save_credentials(KEYS)
    save_credentials(other, "sg")
    delete_credentials()
    assert load_credentials() is None
    assert load_credentials("sg") == other
    delete_credentials()  # there are none: nothing to do


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"access_key": "the-access-key"}', '{"x": 1}', "null"]
)
def test_what_others_wrote_is_an_error_that_shows_nothing(store: MemoryKeyring, text: str) -> None:
    store.entries["qt_upbit", "default"] = text
    with pytest.raises(ConfigError, match="save them again") as raised:
        load_credentials()
    assert "the-access-key" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "action",
    [load_credentials, delete_credentials, lambda: save_credentials(KEYS)],
    ids=["load", "delete", "save"],
)
def test_a_locked_store_says_what_to_do(store: MemoryKeyring, action: Any) -> None:
    store.locked = True
    with pytest.raises(ConfigError, match=r"\(KeyringLocked\): unlock it") as raised:
        action()
    assert "secret" not in str(raised.value).lower().replace("upbit_secret_key", "")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "keyring":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"qt-upbit\[keyring\]"):
        load_credentials()
