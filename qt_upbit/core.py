"""The parts below the widgets, for programs without Qt and for other front ends.

Applications do not need this module: `qt_upbit` has what they use. Each part is exported with the types that
its methods take and return. Nothing here imports Qt; only `NativeWebSocketClient` opens sockets, and whatever
takes ``now`` reads no clock (docs/architecture.md).

    from qt_upbit.core import DataRoutingEngine, FanoutHub, UpbitConnection
"""

from __future__ import annotations

from qt_upbit.exceptions import is_retryable
from qt_upbit.frame_scan import Head, head_of
from qt_upbit.models import decode, decode_all, encode, split
from qt_upbit.protocol.account_outputs import (
    AccountReset,
    AccountStateChanged,
    AccountSyncAction,
    AccountSyncEvent,
    BalanceChanged,
    CancelRead,
    FillReported,
    GapReported,
    OrderChanged,
    OrderEventReported,
    ReadFailed,
    ReadRest,
    Synchronized,
)
from qt_upbit.protocol.account_sync import (
    AccountSync,
    Moment,
    SyncState,
    SyncTrigger,
)
from qt_upbit.protocol.connection import TRANSITIONS, ConnectionEventKind, UpbitConnection
from qt_upbit.protocol.connection_outputs import (
    Action,
    CloseSocket,
    ConnectionEvent,
    ErrorReported,
    FramesReleased,
    GapDetected,
    OpenSocket,
    RenewalFailed,
    RequestSent,
    SendPing,
    SendText,
    StateChanged,
    StreamsListed,
    StreamsLive,
    StreamsRefused,
    StreamsSilent,
    TokenRenewed,
)
from qt_upbit.protocol.jwt_manager import JWTManager, Token
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderChange, OrderTracker, Reconciliation
from qt_upbit.protocol.simple_format_converter import SimpleFormatConverter
from qt_upbit.protocol.subscription_request import requests_for, resolve_spec, resolve_unit
from qt_upbit.protocol.subscription_state_manager import (
    Blame,
    StreamRequest,
    StreamState,
    SubscriptionStateManager,
)
from qt_upbit.protocol.timing import Backoff, RollingWindowLimiter
from qt_upbit.rest.account_reader import AccountRest, read_account
from qt_upbit.routing.candle_series import CandleSeries
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, LazyFrame, Subscriber
from qt_upbit.routing.recovery import BackfillBuffer
from qt_upbit.transport.native_websocket_client import NativeWebSocketClient, TransportCounters
from qt_upbit.types import ALL_CODES, EVENT_TYPES, CodeRule, EventSpec, OptionSpec, Recovery, StreamKey
from qt_upbit.types.registry import spec_of

__all__ = [
    "ALL_CODES",
    "EVENT_TYPES",
    "TRANSITIONS",
    "AccountReset",
    "AccountRest",
    "AccountSnapshot",
    "AccountStateChanged",
    "AccountSync",
    "AccountSyncAction",
    "AccountSyncEvent",
    "Action",
    "BackfillBuffer",
    "Backoff",
    "BalanceChanged",
    "Blame",
    "CancelRead",
    "CandleSeries",
    "CloseSocket",
    "CodeRule",
    "ConnectionEvent",
    "ConnectionEventKind",
    "DataRoutingEngine",
    "ErrorReported",
    "EventSpec",
    "FanoutHub",
    "FillReported",
    "FramesReleased",
    "Gap",
    "GapDetected",
    "GapReported",
    "Head",
    "JWTManager",
    "LazyFrame",
    "Moment",
    "NativeWebSocketClient",
    "OpenSocket",
    "OptionSpec",
    "OrderChange",
    "OrderChanged",
    "OrderEventReported",
    "OrderTracker",
    "ReadFailed",
    "ReadRest",
    "Reconciliation",
    "Recovery",
    "RenewalFailed",
    "RequestSent",
    "RollingWindowLimiter",
    "SendPing",
    "SendText",
    "SimpleFormatConverter",
    "StateChanged",
    "StreamKey",
    "StreamRequest",
    "StreamState",
    "StreamsListed",
    "StreamsLive",
    "StreamsRefused",
    "StreamsSilent",
    "Subscriber",
    "SubscriptionStateManager",
    "SyncState",
    "SyncTrigger",
    "Synchronized",
    "Target",
    "Token",
    "TokenRenewed",
    "TransportCounters",
    "UpbitConnection",
    "decode",
    "decode_all",
    "encode",
    "head_of",
    "is_retryable",
    "read_account",
    "requests_for",
    "resolve_spec",
    "resolve_unit",
    "spec_of",
    "split",
]
