"""Configuration: frozen, validated on construction, each default written once.

`WebSocketConfig` says how to connect and deliver, `Credentials` contains the API key, a `Region` is
declared in `qt_upbit.regions`. The environment is read only by the `from_env` methods here:

===========================  ================================================================
``QT_UPBIT_REGION``          ``kr`` (default), ``sg``, ``id`` or ``th``
``QT_UPBIT_BASE_URL``        ``http://127.0.0.1:PORT`` for a simulated exchange; replaces the region's
``QT_UPBIT_ALLOW_INSECURE``  ``1`` lets the base URL be plain ``http`` to another machine; ``0`` (default)
``QT_UPBIT_PRESET``          ``production`` (default), ``testing`` or ``development``
``UPBIT_ACCESS_KEY``         access key (the official SDK's names)
``UPBIT_SECRET_KEY``         secret key
===========================  ================================================================
"""

from __future__ import annotations

import enum
import ipaddress
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from qt_upbit.exceptions import ConfigError
from qt_upbit.proxy_address import parse_proxy
from qt_upbit.regions import Region
from qt_upbit.types import Scope, WireFormat

__all__ = ["Credentials", "Preset", "Region", "SecretHeaders", "WebSocketConfig", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # Other names are not resolved: the answer may change between the check and the connection.
        return host.lower() == "localhost"


class SecretHeaders(dict[str, str]):
    """Headers with a token: a dict whose repr shows names only and which cannot be pickled."""

    def __repr__(self) -> str:
        return f"SecretHeaders({', '.join(self)})"

    __str__ = __repr__

    def __reduce_ex__(self, protocol: object) -> Any:
        """Refuse: a pickle would contain the token in plain text."""
        raise TypeError("headers with a token cannot be pickled or copied: use dict()")


class Preset(enum.StrEnum):
    """Named sets of settings; each is a starting point, and any field can be overridden."""

    PRODUCTION = "production"
    TESTING = "testing"
    DEVELOPMENT = "development"


_PRESETS: Final[dict[Preset, dict[str, Any]]] = {
    Preset.PRODUCTION: {},
    # Tests should fail fast and leave nothing open.
    Preset.TESTING: {
        "silent_code_timeout_s": 2.0,
        "linger_s": 0.2,
        "backoff_initial_s": 0.05,
        "backoff_max_s": 0.5,
        "use_system_proxy": False,
        # The machine that runs tests has other things to do, too.
        "slow_slot_ms": None,
    },
    # A developer restarts often and wants readable keys in a packet trace.
    Preset.DEVELOPMENT: {"wire_format": WireFormat.DEFAULT, "linger_s": 1.0},
}


class _Values(dict[str, Any]):
    """Values that may contain keys: the repr shows names only."""

    def __repr__(self) -> str:
        return f"_Values({', '.join(self)})"


class _Frozen(BaseModel):
    # hide_input_in_errors: pydantic otherwise prints the rejected value, which may be a key.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        arbitrary_types_allowed=True,
    )

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
            return
        except ValidationError as exc:
            lines = [
                f"{'.'.join(map(str, error['loc'])) or type(self).__name__}: {error['msg']}"
                for error in exc.errors(include_input=False, include_url=False)
            ]
        # Error trackers show local variables and chained exceptions: neither may contain the keys.
        del data
        raise ConfigError("; ".join(lines))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, which are validated: pydantic's own copy accepts any."""
        if not update:
            return super().model_copy(deep=deep)
        values = _Values(dict(self) | dict(update))
        del update
        return type(self)(**values)


def _hidden(key: str | SecretStr) -> SecretStr:
    return SecretStr(key) if isinstance(key, str) else key


def _is_key(text: str) -> bool:
    return bool(text) and text == text.strip() and text.isprintable() and " " not in text


class Credentials(_Frozen):
    """An API key. Its repr, str and JSON hide both parts.

    Raises:
        ConfigError: a part is empty or contains whitespace, as after copying from a web page.
    """

    access_key: SecretStr
    secret_key: SecretStr

    def __init__(self, *, access_key: str | SecretStr, secret_key: str | SecretStr) -> None:
        access_key, secret_key = _hidden(access_key), _hidden(secret_key)
        super().__init__(access_key=access_key, secret_key=secret_key)

    @field_validator("access_key", "secret_key")
    @classmethod
    def _no_blanks(cls, value: SecretStr) -> SecretStr:
        if not _is_key(value.get_secret_value()):
            raise ValueError("must be the key as issued by Upbit: not empty, without whitespace")
        return value

    def __getstate__(self) -> dict[Any, Any]:
        """Refuse: a pickle would contain the keys in plain text."""
        raise TypeError("API keys cannot be pickled: pass them on in another way")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Credentials | None:
        """Keys from ``UPBIT_ACCESS_KEY`` and ``UPBIT_SECRET_KEY``; None when neither is set.

        Raises:
            ConfigError: only one of the two is set.
        """
        access = SecretStr(environ.get("UPBIT_ACCESS_KEY", ""))
        secret = SecretStr(environ.get("UPBIT_SECRET_KEY", ""))
        # Error trackers show local variables, and this one is the whole environment.
        del environ
        return cls._from_parts(access, secret)

    @classmethod
    def _from_parts(cls, access: SecretStr, secret: SecretStr) -> Credentials | None:
        if not access and not secret:
            return None
        if not access or not secret:
            missing = "UPBIT_SECRET_KEY" if access else "UPBIT_ACCESS_KEY"
            raise ConfigError(f"{missing} is not set but the other key is: set both or neither")
        return cls(access_key=access, secret_key=secret)


class WebSocketConfig(_Frozen):
    """How to connect and deliver. Times are in seconds.

    Raises:
        ConfigError: a value is out of range; the message names the field.
    """

    region: Region = Region.KR
    base_url: str | None = Field(default=None, description="http(s)://host[:port], overrides the region's")
    allow_insecure: bool = Field(
        default=False, description="allow plain http to another machine in base_url: keys go unencrypted"
    )
    credentials: Credentials | None = Field(default=None, description="keys for private and info streams")

    wire_format: WireFormat = Field(default=WireFormat.SIMPLE, description="format requested from the server")
    compression: bool = Field(default=True, description="offer permessage-deflate")
    max_message_bytes: int = Field(
        default=4 * 1024 * 1024, ge=64 * 1024, description="larger frames end the connection"
    )
    use_system_proxy: bool = Field(
        default=True, description="follow HTTPS_PROXY, ALL_PROXY, NO_PROXY, else the system's proxy settings"
    )
    proxy: str | SecretStr | None = Field(
        default=None,
        description="http://user:password@host:port, or https, socks5, socks5h; instead of the system's",
    )
    ca_bundle: str | Path | ssl.SSLContext | None = Field(
        default=None, description="PEM file of CAs to trust in addition, or an ssl.SSLContext to use instead"
    )
    user_agent: str = Field(default="qt-upbit", description="User-Agent of the handshake")

    connect_timeout_s: float = Field(default=10.0, gt=0, le=60)
    close_timeout_s: float = Field(default=1.0, gt=0, le=10)
    ping_interval_s: float = Field(default=5.0, gt=0, lt=60, description="Upbit cuts idle sockets after 60 s")
    pong_timeout_s: float = Field(
        default=5.0, gt=0, lt=60, description="no pong within this time means the peer is dead"
    )
    silence_floor_s: float = Field(
        default=3.0, gt=0, description="public: shorter silence of a moving market is never suspicious"
    )
    silence_timeout_s: float = Field(
        default=20.0,
        gt=0,
        description="public: STALE after this silence of a moving market at the latest, then reconnect",
    )
    backoff_initial_s: float = Field(default=0.25, gt=0)
    backoff_max_s: float = Field(default=30.0, gt=0)
    connects_per_second: int = Field(default=5, ge=1, le=5)
    messages_per_second: int = Field(default=5, ge=1, le=5)
    messages_per_minute: int = Field(default=100, ge=1, le=100)

    coalesce_s: float = Field(
        default=0.03, ge=0, le=5, description="requests within this time become one request"
    )
    linger_s: float = Field(default=5.0, ge=0, description="an unused connection stays open this long")
    silent_code_timeout_s: float = Field(
        default=10.0, gt=0, description="codes without a frame for this long are reported"
    )
    snapshot_timeout_s: float = Field(
        default=15.0, gt=0, description="get_*_snapshot waits this long for the server unless told otherwise"
    )
    audit_interval_s: float | None = Field(
        default=60.0, ge=1, description="interval of LIST_SUBSCRIPTIONS when nothing changes; None never"
    )
    account_audit_interval_s: float | None = Field(
        default=60.0,
        ge=1,
        description="comparison of orders and balances with REST when nothing hints at a loss; None never",
    )

    jwt_algorithm: Literal["HS512", "HS256"] = Field(default="HS512", description="signature of our tokens")
    token_lifetime_s: float | None = Field(
        default=3600.0,
        ge=1,
        description="private and info connections are renewed, without a break, at 80 % of this; None never",
    )
    rest_timeout_s: float = Field(default=10.0, gt=0, le=120)
    order_resolve_timeout_s: float = Field(
        default=10.0, gt=0, le=120, description="how long an order is looked up after its answer was lost"
    )
    recover_gaps: bool = Field(
        default=True, description="fetch what was missed over REST; needs the extra 'rest'"
    )
    recovery_timeout_s: float = Field(
        default=15.0, gt=0, description="missed events are fetched this long; what an account missed, too"
    )
    live_wait_s: float = Field(
        default=2.0,
        gt=0,
        description="live events wait at most this long for missed ones, which come behind them then",
    )
    recovery_max_calls: int = Field(
        default=20, ge=1, description="REST calls per gap of one stream; the rest is reported as a gap"
    )

    frame_rate_hz: float = Field(default=60.0, gt=0, le=240, description="delivery rate of LATEST and BATCH")
    slice_ms: float = Field(default=4.0, gt=0, le=50, description="delivery yields to Qt after this time")
    slow_slot_ms: float | None = Field(
        default=17.0, gt=0, description="a slot or callback that takes longer is logged, sampled; None never"
    )
    high_water_mark: int = Field(
        default=100_000, ge=1, description="buffered events allowed per EVERY or BATCH subscriber"
    )
    metrics_interval_s: float = Field(default=1.0, ge=0.1)

    @field_validator("base_url")
    @classmethod
    def _is_base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must look like http://127.0.0.1:8080 or https://host")
        if parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/"):
            raise ValueError("must be scheme, host and port only")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, value: str | SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        hidden = _hidden(value)
        parse_proxy(hidden.get_secret_value(), "proxy")
        return hidden

    @field_validator("ca_bundle", mode="before")
    @classmethod
    def _is_trust(cls, value: object) -> object:
        if isinstance(value, ssl.SSLContext):
            if value.verify_mode is not ssl.CERT_REQUIRED or not value.check_hostname:
                raise ValueError("the context must verify certificates and host names")
            if value.minimum_version < ssl.TLSVersion.TLSv1_2:
                raise ValueError("the context must ask for TLS 1.2 or later: set its minimum_version")
        elif isinstance(value, str | os.PathLike):
            value = os.path.abspath(os.path.expanduser(os.fspath(value)))
            if not os.path.isfile(value):
                raise ValueError(f"there is no file {value}")
        return value

    @model_validator(mode="after")
    def _is_encrypted(self) -> Self:
        if self.base_url is None or self.is_loopback or self.allow_insecure:
            return self
        parts = urlsplit(self.base_url)
        if parts.scheme != "https":
            raise ValueError(
                f"base_url: plain http to {parts.hostname} would send tokens and orders unencrypted: use "
                "https, or pass allow_insecure=True (QT_UPBIT_ALLOW_INSECURE=1) if you must"
            )
        return self

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **fields: Any) -> Self:
        """The configuration from the environment; `fields` override it.

        Raises:
            ConfigError: a variable has an unknown value.
        """
        access = SecretStr(environ.get("UPBIT_ACCESS_KEY", ""))
        secret = SecretStr(environ.get("UPBIT_SECRET_KEY", ""))
        # Error trackers show local variables: none here may be the environment or contain a key.
        environ = _Values({name: value for name, value in environ.items() if name.startswith("QT_UPBIT_")})
        values = _Values()
        if preset := environ.get("QT_UPBIT_PRESET"):
            if preset not in set(Preset):
                raise ConfigError(f"QT_UPBIT_PRESET: {preset!r} must be one of {', '.join(Preset)}")
            values.update(_PRESETS[Preset(preset)])
        if region := environ.get("QT_UPBIT_REGION"):
            if region not in set(Region):
                raise ConfigError(f"QT_UPBIT_REGION: {region!r} must be one of {', '.join(Region)}")
            values["region"] = Region(region)
        if environ.get("QT_UPBIT_BASE_URL"):
            values["base_url"] = environ["QT_UPBIT_BASE_URL"]
        if allow := environ.get("QT_UPBIT_ALLOW_INSECURE"):
            if allow not in ("0", "1"):
                raise ConfigError(f"QT_UPBIT_ALLOW_INSECURE: {allow!r} must be 0 or 1")
            values["allow_insecure"] = allow == "1"
        values["credentials"] = Credentials._from_parts(access, secret)
        values |= fields
        del fields
        return cls(**values)

    @classmethod
    def preset(cls, preset: Preset | str, **fields: Any) -> Self:
        """The configuration of a preset; `fields` override it."""
        return cls(**(_PRESETS[Preset(preset)] | fields))

    @property
    def is_loopback(self) -> bool:
        """Whether the exchange is on this machine."""
        return self.base_url is not None and is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def proxy_url(self) -> str | None:
        """The setting ``proxy`` in plain text: not for logs."""
        return None if self.proxy is None else _hidden(self.proxy).get_secret_value()

    @property
    def follows_proxy(self) -> bool:
        """Whether connections use the system's proxy: never to this machine, which a proxy cannot reach."""
        return self.use_system_proxy and not self.is_loopback

    @property
    def rest_url(self) -> str:
        """Base URL of the REST API, ``…/v1``."""
        return f"{self.base_url or self.region.base_url}/v1"

    def websocket_url(self, scope: Scope) -> str:
        """URL of one endpoint."""
        base = self.base_url or self.region.base_url
        return "ws" + base.removeprefix("http") + scope.path
