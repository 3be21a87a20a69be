"""Tokens: signed, single-use, with the hash of what is sent, and secret."""

from __future__ import annotations

import copy
import hashlib
import pickle
import uuid
import warnings
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.config import Credentials
from qt_upbit.protocol.jwt_manager import JWTManager, query_string

ACCESS, SECRET = "access-for-tests-0123456789", "secret-for-tests-01234567890123456789"
CREDENTIALS = Credentials(access_key=ACCESS, secret_key=SECRET)


def decoded(token: str, algorithm: str = "HS512", secret: str = SECRET) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        payload: dict[str, Any] = jwt.decode(token, secret, algorithms=[algorithm])
        return payload


@pytest.mark.parametrize("algorithm", ["HS512", "HS256"])
def test_a_handshakes_token(algorithm: str) -> None:
    token = JWTManager(CREDENTIALS, algorithm).create_token()
    payload = decoded(token, algorithm)
    assert set(payload) == {"access_key", "nonce"}
    assert payload["access_key"] == ACCESS
    assert str(uuid.UUID(payload["nonce"])) == payload["nonce"]
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT"}
    with pytest.raises(jwt.InvalidSignatureError):
        decoded(token, algorithm, SECRET + "x")


def test_every_token_has_a_nonce_of_its_own() -> None:
    manager = JWTManager(CREDENTIALS)
    headers = [manager.authorization_header()["Authorization"] for _ in range(50)]
    assert all(header.startswith("Bearer ") for header in headers)
    assert len({decoded(header.removeprefix("Bearer "))["nonce"] for header in headers}) == 50


def test_a_token_is_refreshed_at_four_fifths_of_its_life() -> None:
    manager = JWTManager(CREDENTIALS, lifetime_s=100.0)
    token = manager.issue(1000.0)
    assert token.renew_at == 1080.0
    assert manager.refresh_token_if_needed(token, 1079.9) is None
    fresh = manager.refresh_token_if_needed(token, 1080.0)
    assert fresh is not None
    assert fresh.renew_at == 1160.0
    assert decoded(fresh.text)["nonce"] != decoded(token.text)["nonce"]


def test_a_token_without_lifetime_lives_forever() -> None:
    manager = JWTManager(CREDENTIALS)
    token = manager.issue(0.0)
    assert token.renew_at is None
    assert manager.refresh_token_if_needed(token, 1e12) is None
    with pytest.raises(ValueError, match="lifetime_s"):
        JWTManager(CREDENTIALS, lifetime_s=0)


def test_a_token_shows_in_no_repr() -> None:
    token = JWTManager(CREDENTIALS).issue(0.0)
    assert token.authorization_header == {"Authorization": f"Bearer {token.text}"}
    assert token.text not in repr(token)
    assert token.text not in str(token)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"market": "KRW-BTC", "side": "bid"}, "market=KRW-BTC&side=bid"),
        ({"side": "bid", "market": "KRW-BTC"}, "side=bid&market=KRW-BTC"),
        ({"states": ["wait", "watch"], "page": 1}, "states[]=wait&states[]=watch&page=1"),
        ([("uuids[]", "a"), ("uuids[]", "b")], "uuids[]=a&uuids[]=b"),
        ({"identifier": "a b&c=가"}, "identifier=a b&c=가"),
        ({"to": "2026-11-01T00:00:00+09:00"}, "to=2026-11-01T00:00:00+09:00"),
        ({"is_details": True, "remain_only": False}, "is_details=true&remain_only=false"),
        ({"market": "KRW-BTC", "states": ()}, "market=KRW-BTC"),
    ],
)
def test_query_hash(params: Any, text: str) -> None:
    """In the order sent, not URL-encoded, arrays with literal brackets."""
    assert query_string(params) == text
    payload = decoded(JWTManager(CREDENTIALS).create_token(params))
    assert payload["query_hash"] == hashlib.sha512(text.encode()).hexdigest()
    assert payload["query_hash_alg"] == "SHA512"


@pytest.mark.parametrize("params", [None, {}, []])
def test_nothing_sent_has_no_hash(params: Any) -> None:
    assert set(decoded(JWTManager(CREDENTIALS).create_token(params))) == {"access_key", "nonce"}


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), min_size=1))
def test_any_parameters_can_be_signed(params: dict[str, str]) -> None:
    try:
        expected = hashlib.sha512(query_string(params).encode()).hexdigest()
    except UnicodeEncodeError:
        return
    assert decoded(JWTManager(CREDENTIALS).create_token(params))["query_hash"] == expected


def test_a_short_secret_of_upbits_own_gives_no_warning() -> None:
    """Upbit issues 40 characters and asks for HS512."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        JWTManager(Credentials(access_key="a", secret_key="s" * 40)).create_token()
        # Others' warnings are still theirs.
        with pytest.raises(UserWarning):
            warnings.warn("mine", UserWarning, stacklevel=1)


def test_keys_show_nowhere() -> None:
    manager = JWTManager(CREDENTIALS)
    for text in (repr(manager), str(manager), f"{manager}", repr(vars(manager))):
        assert ACCESS not in text
        assert SECRET not in text
    with pytest.raises(ValueError, match="HS512 or HS256") as raised:
        JWTManager(CREDENTIALS, "none")
    assert SECRET not in str(raised.value)
    assert copy.copy(manager).create_token() != manager.create_token()
    assert SECRET not in repr(pickle.dumps(repr(manager)))
