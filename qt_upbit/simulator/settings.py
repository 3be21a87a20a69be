"""`SimulatorSettings`: what the simulated exchange does where Upbit's behaviour is a setting or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from qt_upbit.protocol.order_check import OrderRules
from qt_upbit.regions import Region
from qt_upbit.types import SmpType

__all__ = ["SIMULATED_ACCESS_KEY", "SIMULATED_SECRET_KEY", "SimulatedAccount", "SimulatorSettings"]

SIMULATED_ACCESS_KEY: Final = "SIMULATEDaccesskeyOfNobody0123456789abcd"
"""The only key that the simulated exchange knows by default. It is not valid anywhere else."""

SIMULATED_SECRET_KEY: Final = "simulated-secret-key-of-nobody-0123456789-abcdefghijklmnopqrstuvwxyz"  # noqa: S105  # invented, for the simulator only
"""Its secret; at least 64 bytes, as HS512 requires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedAccount:
    """An account beside the first one: a key of its own, with its own balances, orders and rate limits.

    It places no orders by itself. Its orders and those of other accounts match each other in one market.

    Attributes:
        access_key: the key of the account; unique.
        secret_key: its secret; at least 64 bytes, as HS512 requires.
        balances: available at the start, by currency; empty by default.
    """

    access_key: str
    secret_key: str
    balances: Mapping[str, Decimal | int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.access_key or not self.secret_key:
            raise ValueError("access_key and secret_key must not be empty")
        for currency, amount in self.balances.items():
            if isinstance(amount, bool) or not isinstance(amount, Decimal | int):
                raise TypeError(f"balances: {currency} must be a Decimal or an int, not {amount!r}")
            if not Decimal(amount).is_finite() or amount < 0:
                raise ValueError(f"balances: {currency} must be 0 or more, not {amount}")

    def __repr__(self) -> str:
        """The balances; neither key nor secret."""
        return f"SimulatedAccount(balances={dict(self.balances)!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorSettings:
    """Frozen settings of a simulated exchange. Times are in seconds of real time unless named otherwise.

    Settings marked [?] stand for behaviour of Upbit that could not be verified (protocol section 12);
    a client must not depend on either value.

    Attributes:
        seed: everything random follows from it.
        markets: number of pairs; None is the full market of 855.
        region: whose quote currency the local markets have.
        market_running: False stops the market: it produces nothing but snapshots.
        time_scale: seconds of market time per second.
        rate: multiplies the frequency of trades and book changes.
        max_history_bytes: of the temporary file with the trades and candles since the start. Of what no
            longer fits, the oldest is given up; REST's history then ends there.
        tick_interval_s: how often the server drives the exchange.

        compression: negotiate permessage-deflate when it is offered.
        binary_frames: data frames are binary; False sends text.
        snapshot_delays_s: from a request to its two bursts of snapshots.
        close_delay_s: from an error frame to the close with code 1000.
        max_late_frames: frames of the old subscription after a replacement, at most.
        idle_timeout_s: sockets without data are cut after this time, without a close frame.
        up_interval_s: interval of status UP once PING was received.
        ping_keeps_open: [?] a ping frame counts as activity.
        trade_disorder: share of multi-fill orders whose trades arrive out of order.
        slow_client_frames: a client that leaves this many frames unread is cut.

        both_flags: [?] effect of ``is_only_snapshot`` and ``is_only_realtime`` together.
        camel_case_flags: [?] the older names of the flags are accepted.
        binary_requests: [?] requests in binary frames are understood.
        same_code: [?] one code with two levels or depths in one request: both served, or the last.
        list_batching: [?] list formats put several events into one array.
        list_wraps_control: [?] errors and status are sent in an array under the list formats.
        list_subscriptions_resets_format: [?] LIST_SUBSCRIPTIONS without a format means DEFAULT.
        duplicate_snapshot: [?] a replacement repeats snapshots of codes that were live.

        auth_failure: [?] ``http`` refuses the handshake with 401, ``frame`` sends INVALID_AUTH.
        access_key: the key of the first account.
        secret_key: its secret.
        further_accounts: accounts with keys of their own; every other key is refused.
        api_key_lifetime_days: days from the start until the keys expire.
        pockets_allowed: the keys have the permission for pockets.
        connects_per_second: limit per address (public) or key (private, info).
        messages_per_second: limit per connection.
        messages_per_minute: limit per connection.
        text_ping_counts: [?] the text PING counts as a message.
        ping_frame_counts: [?] ping frames count as messages.
        message_excess: [?] what too many messages do: error frame and close, abort, or only counting.
        connect_excess: [?] too many connections: HTTP 429, or only counting.
        origin_interval_s: with an Origin header one handshake or REST call in this time.
        rest_limit: quotation calls per second and group, with the account's groups as documented; None
            switches all REST limits off.
        rest_penalty_after: [?] this many calls beyond a limit within ten seconds block the group (418).
        rest_penalty_s: [?] for this time.

        market_rules: of pairs whose rules differ from the documentation, by code: ticks, limits, order types.
        account_running: an account trades automatically; `SimulatedExchange.is_trader_running` changes that.
        trader_access_key: the key of that account; None is the first one. Such an account is funded as the
            first one is.
        account_history: the first account starts with a few closed orders, and three that wait near the
            market.
        order_interval_s: mean time between new orders, market time.
        wait_before_fill: [?] an order that fills at once shows ``wait`` first.
        match_delay_s: from an accepted order of REST to its matching: the answer shows it waiting, and its
            fills come afterwards.
        fills_before_answer: such an order is matched before the answer is sent, so that the frames of its
            fills overtake the answer, which shows it waiting all the same. That happens too.
        post_only_crossing: [?] a post_only order that would match is cancelled at once, or refused.
        fewer_my_order_fields: myOrder frames omit the fields that regional captures lack; None does so
            outside Korea.
        without_announced_removals: frames omit the fields whose removal Upbit has announced.
        default_smp_type: self-match prevention of an order that names none, in force since 2026-11-09; a
            POST_ONLY order then has ``none``. None is how it was before: orders of one account match each
            other.
        cancel_delay_s: from the accepted request to cancel to the cancelled order.
        announcement_interval_s: mean time between notices, market time; None is never.
        sample_interval_s: market time between two events of a stream whose type no other feed makes
            (`SampleFeed`).
        indicator_delay_s: market time from the close of a candle to its indicators.
        max_indicator_combinations: the limit for one request.
        initial_krw: quote currency that the first account starts with.
    """

    seed: int = 7
    markets: int | None = None
    region: Region = Region.KR
    market_running: bool = True
    time_scale: float = 1.0
    rate: float = 1.0
    max_history_bytes: int = 2**30
    tick_interval_s: float = 0.02

    compression: bool = True
    binary_frames: bool = True
    snapshot_delays_s: tuple[float, float] = (0.180, 0.340)
    close_delay_s: float = 0.165
    max_late_frames: int = 2
    idle_timeout_s: float = 60.5
    up_interval_s: float = 10.0
    ping_keeps_open: bool = True
    trade_disorder: float = 0.2
    slow_client_frames: int = 200_000

    both_flags: Literal["snapshot", "realtime", "both", "nothing"] = "both"
    camel_case_flags: bool = True
    binary_requests: bool = True
    same_code: Literal["both", "last"] = "both"
    list_batching: bool = False
    list_wraps_control: bool = False
    list_subscriptions_resets_format: bool = False
    duplicate_snapshot: bool = True

    auth_failure: Literal["http", "frame"] = "http"
    access_key: str = SIMULATED_ACCESS_KEY
    secret_key: str = SIMULATED_SECRET_KEY
    further_accounts: tuple[SimulatedAccount, ...] = ()
    api_key_lifetime_days: int = 365
    pockets_allowed: bool = True
    connects_per_second: int = 5
    messages_per_second: int = 5
    messages_per_minute: int = 100
    text_ping_counts: bool = True
    ping_frame_counts: bool = False
    message_excess: Literal["error", "abort", "count"] = "error"
    connect_excess: Literal["http", "count"] = "http"
    origin_interval_s: float = 10.0
    rest_limit: int | None = 10
    rest_penalty_after: int = 20
    rest_penalty_s: float = 10.0

    market_rules: Mapping[str, OrderRules] = field(default_factory=dict, hash=False)
    account_running: bool = True
    trader_access_key: str | None = None
    account_history: bool = False
    order_interval_s: float = 4.0
    wait_before_fill: bool = True
    match_delay_s: float = 0.02
    fills_before_answer: bool = False
    post_only_crossing: Literal["cancel", "refuse"] = "cancel"
    fewer_my_order_fields: bool | None = None
    without_announced_removals: bool = False
    default_smp_type: SmpType | None = SmpType.CANCEL_MAKER
    cancel_delay_s: float = 0.03
    announcement_interval_s: float | None = 240.0
    sample_interval_s: float = 1.0
    indicator_delay_s: float = 7.0
    max_indicator_combinations: int = 100
    initial_krw: int = 50_000_000

    def __post_init__(self) -> None:
        if self.markets is not None and self.markets < 1:
            raise ValueError("markets: must be at least 1")
        if self.max_history_bytes < 1:
            raise ValueError("max_history_bytes: must be positive")
        if self.time_scale <= 0 or self.rate <= 0 or self.tick_interval_s <= 0:
            raise ValueError("time_scale, rate and tick_interval_s must be positive")
        keys = [self.access_key, *(account.access_key for account in self.further_accounts)]
        if len(set(keys)) < len(keys):
            raise ValueError("further_accounts: every account needs an access_key of its own")
        if self.trader_access_key not in (None, *keys):
            raise ValueError("trader_access_key: no account has this key")

    def __repr__(self) -> str:
        """The settings without the secret."""
        return f"SimulatorSettings(seed={self.seed}, markets={self.markets}, region={self.region.value!r})"
