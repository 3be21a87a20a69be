"""API keys in the key store of the operating system, through ``keyring`` (extra ``keyring``).

Windows Credential Manager, macOS Keychain, Secret Service or KWallet store them encrypted for the logged-in
user; this library writes keys nowhere else. An application asks once and saves them::

    credentials = Credentials.from_env() or load_credentials() or ask_the_user()
    save_credentials(credentials)
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from qt_upbit.config import Credentials
from qt_upbit.exceptions import ConfigError

__all__ = ["delete_credentials", "load_credentials", "save_credentials"]

_SERVICE: Final = "qt_upbit"
_T = TypeVar("_T")


def load_credentials(profile: str = "default") -> Credentials | None:
    """The keys saved under a profile; None if there are none.

    Args:
        profile: a name for the keys, for example of an account or a region.

    Raises:
        ConfigError: ``keyring`` is not installed, the store is locked or missing, or its entry was not
            written by `save_credentials`.
    """
    keyring = _keyring()
    # Wrapped at once: error trackers show local variables.
    text = _ask(profile, lambda: _hidden(keyring.get_password(_SERVICE, profile)))
    if text is None:
        return None
    with contextlib.suppress(ValueError, TypeError):
        return Credentials(**json.loads(text.get_secret_value()))
    # Outside of the handler: a parser's error contains what it could not read.
    raise ConfigError(f"the keys saved as {profile!r} cannot be read: save them again")


def save_credentials(credentials: Credentials, profile: str = "default") -> None:
    """Save keys under a profile, replacing any saved before.

    Raises:
        ConfigError: as in `load_credentials`.
    """
    keyring = _keyring()
    # One entry for both: half a key pair is worse than none.
    text = SecretStr(
        json.dumps(
            {
                "access_key": credentials.access_key.get_secret_value(),
                "secret_key": credentials.secret_key.get_secret_value(),
            }
        )
    )
    _ask(profile, lambda: keyring.set_password(_SERVICE, profile, text.get_secret_value()))


def delete_credentials(profile: str = "default") -> None:
    """Delete the keys of a profile, if there are any.

    Raises:
        ConfigError: as in `load_credentials`.
    """
    keyring = _keyring()

    def delete() -> None:
        if keyring.get_password(_SERVICE, profile) is not None:
            keyring.delete_password(_SERVICE, profile)

    _ask(profile, delete)


def _hidden(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(text)


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise ConfigError(
            "the key store needs the package keyring: pip install 'qt-upbit[keyring]', or set "
            "UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY"
        ) from None
    return keyring


def _ask(profile: str, question: Callable[[], _T]) -> _T:
    from keyring.errors import KeyringError

    try:
        return question()
    except KeyringError as exc:
        what = type(exc).__name__
    # Outside of the handler: the frames of a backend's error contain the keys.
    raise ConfigError(
        f"the system's key store cannot be used for {profile!r} ({what}): unlock it, or "
        "set UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY"
    )
