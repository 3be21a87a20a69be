"""qt_upbit: the way PySide6 desktop apps talk to the Upbit crypto exchange.

    from qt_upbit import WebSocketClientProxy

    proxy = WebSocketClientProxy("my_chart", parent=self)
    proxy.ticker_received.connect(self.on_ticker)
    proxy.subscribe_ticker(["KRW-BTC"])

Names are resolved when first used: importing this package loads neither PySide6 nor a socket, so the
core also serves a headless program.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "qt_upbit.config": (
        "Credentials",
        "Preset",
        "Region",
        "WebSocketConfig",
    ),
    "qt_upbit.epoch": ("datetime_at",),
    "qt_upbit.exact": ("exactly",),
    "qt_upbit.exceptions": (
        "AuthenticationError",
        "CallbackError",
        "CancelOutcomeError",
        "ConfigError",
        "ConnectionFailedError",
        "CredentialsRequiredError",
        "DecodeError",
        "InvalidOrderError",
        "InvalidRequestError",
        "InvalidSubscriptionError",
        "LocalProtocolError",
        "OddFieldError",
        "OrderOutcomeError",
        "ProxyClosedError",
        "QtUpbitError",
        "RateLimitedError",
        "RemoteError",
        "RestError",
        "ServerError",
        "SubscriptionError",
        "WaitTimeoutError",
        "WrongLoopError",
        "WrongThreadError",
        "is_retryable",
    ),
    "qt_upbit.formatting": (
        "format_amount",
        "format_percent",
        "format_price",
        "format_volume",
    ),
    "qt_upbit.headless_client": (
        "EventStream",
        "HeadlessClient",
        "StreamGap",
        "headless",
    ),
    "qt_upbit.item_models": (
        "BalanceTableModel",
        "CandleModel",
        "LiveTableModel",
        "OrderTableModel",
        "OrderbookTableModel",
        "ThrottledSortProxyModel",
        "TickerTableModel",
        "TradeListModel",
    ),
    "qt_upbit.key_store": (
        "delete_credentials",
        "load_credentials",
        "save_credentials",
    ),
    "qt_upbit.metrics": (
        "LatencySummary",
        "Metrics",
        "ScopeMetrics",
        "SubscriptionMetrics",
    ),
    "qt_upbit.models": (
        "from_dict",
        "to_dict",
    ),
    "qt_upbit.number_entry": ("read_number",),
    "qt_upbit.protocol.account_outputs": ("AccountState",),
    "qt_upbit.protocol.jwt_manager": ("JWTManager",),
    "qt_upbit.protocol.market_rules": ("MarketRules",),
    "qt_upbit.protocol.order_check": (
        "OrderRules",
        "check_order",
    ),
    "qt_upbit.protocol.simple_format_converter": ("SimpleFormatConverter",),
    "qt_upbit.protocol.subscription_state_manager": ("SubscriptionStateManager",),
    "qt_upbit.protocol.tick_sizes": ("round_to_tick",),
    "qt_upbit.qt.account": ("Account",),
    "qt_upbit.qt.application_run": (
        "run",
        "until_quit",
    ),
    "qt_upbit.qt.candle_feed": ("CandleFeed",),
    "qt_upbit.qt.embedding": ("install",),
    "qt_upbit.qt.global_websocket_manager": ("GlobalWebSocketManager",),
    "qt_upbit.qt.owned_slot": ("owned_slot",),
    "qt_upbit.qt.subscription": ("Subscription",),
    "qt_upbit.qt.websocket_client_proxy": ("WebSocketClientProxy",),
    "qt_upbit.records": (
        "ApiKey",
        "Balance",
        "ByCode",
        "CancelResult",
        "CancelledOrder",
        "Deposit",
        "Fill",
        "Instrument",
        "Market",
        "Order",
        "OrderChance",
        "Pocket",
        "RestCandle",
        "RestTicker",
        "WalletStatus",
        "Withdrawal",
    ),
    "qt_upbit.regions": (
        "QuoteCurrency",
        "quote_currency_of",
    ),
    "qt_upbit.rest.rest_client": ("RestClient",),
    "qt_upbit.routing.data_routing_engine": ("DataRoutingEngine",),
    "qt_upbit.routing.fanout_hub": ("FanoutHub",),
    "qt_upbit.transport.native_websocket_client": ("NativeWebSocketClient",),
    "qt_upbit.types": (
        "AnnouncementCategory",
        "AnnouncementEvent",
        "AnnouncementEventType",
        "AskBid",
        "Asset",
        "BaseWebSocketEvent",
        "BookLevel",
        "CandleEvent",
        "CandlePeriod",
        "CandleUnit",
        "Change",
        "ConnectionState",
        "Delivery",
        "IndicatorDefinition",
        "IndicatorEvent",
        "IndicatorEventParams",
        "IndicatorParams",
        "IndicatorSignalEvent",
        "IndicatorTimeframe",
        "IndicatorType",
        "IndicatorValue",
        "KST",
        "MarketState",
        "MarketWarning",
        "MyAssetEvent",
        "MyOrderEvent",
        "OrderState",
        "OrderType",
        "OrderbookEvent",
        "OrderbookUnit",
        "Scope",
        "SmpType",
        "StreamKey",
        "StreamType",
        "TickerEvent",
        "TimeInForce",
        "TradeEvent",
        "WireFormat",
    ),
}
_MOVED_TO_CORE = frozenset(
    {
        "ALL_CODES",
        "EVENT_TYPES",
        "CandleSeries",
        "CodeRule",
        "EventSpec",
        "OrderTracker",
        "Recovery",
        "UpbitConnection",
    }
)
"""Formerly public here; still resolved, with a warning."""
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF), "__version__"]  # noqa: PLE0604  # a list of str, seen only at run time

if TYPE_CHECKING:
    from qt_upbit.config import Credentials as Credentials
    from qt_upbit.config import Preset as Preset
    from qt_upbit.config import Region as Region
    from qt_upbit.config import WebSocketConfig as WebSocketConfig
    from qt_upbit.epoch import datetime_at as datetime_at
    from qt_upbit.exact import exactly as exactly
    from qt_upbit.exceptions import AuthenticationError as AuthenticationError
    from qt_upbit.exceptions import CallbackError as CallbackError
    from qt_upbit.exceptions import CancelOutcomeError as CancelOutcomeError
    from qt_upbit.exceptions import ConfigError as ConfigError
    from qt_upbit.exceptions import ConnectionFailedError as ConnectionFailedError
    from qt_upbit.exceptions import CredentialsRequiredError as CredentialsRequiredError
    from qt_upbit.exceptions import DecodeError as DecodeError
    from qt_upbit.exceptions import InvalidOrderError as InvalidOrderError
    from qt_upbit.exceptions import InvalidRequestError as InvalidRequestError
    from qt_upbit.exceptions import InvalidSubscriptionError as InvalidSubscriptionError
    from qt_upbit.exceptions import LocalProtocolError as LocalProtocolError
    from qt_upbit.exceptions import OddFieldError as OddFieldError
    from qt_upbit.exceptions import OrderOutcomeError as OrderOutcomeError
    from qt_upbit.exceptions import ProxyClosedError as ProxyClosedError
    from qt_upbit.exceptions import QtUpbitError as QtUpbitError
    from qt_upbit.exceptions import RateLimitedError as RateLimitedError
    from qt_upbit.exceptions import RemoteError as RemoteError
    from qt_upbit.exceptions import RestError as RestError
    from qt_upbit.exceptions import ServerError as ServerError
    from qt_upbit.exceptions import SubscriptionError as SubscriptionError
    from qt_upbit.exceptions import WaitTimeoutError as WaitTimeoutError
    from qt_upbit.exceptions import WrongLoopError as WrongLoopError
    from qt_upbit.exceptions import WrongThreadError as WrongThreadError
    from qt_upbit.exceptions import is_retryable as is_retryable
    from qt_upbit.formatting import format_amount as format_amount
    from qt_upbit.formatting import format_percent as format_percent
    from qt_upbit.formatting import format_price as format_price
    from qt_upbit.formatting import format_volume as format_volume
    from qt_upbit.headless_client import EventStream as EventStream
    from qt_upbit.headless_client import HeadlessClient as HeadlessClient
    from qt_upbit.headless_client import StreamGap as StreamGap
    from qt_upbit.headless_client import headless as headless
    from qt_upbit.item_models import BalanceTableModel as BalanceTableModel
    from qt_upbit.item_models import CandleModel as CandleModel
    from qt_upbit.item_models import LiveTableModel as LiveTableModel
    from qt_upbit.item_models import OrderbookTableModel as OrderbookTableModel
    from qt_upbit.item_models import OrderTableModel as OrderTableModel
    from qt_upbit.item_models import ThrottledSortProxyModel as ThrottledSortProxyModel
    from qt_upbit.item_models import TickerTableModel as TickerTableModel
    from qt_upbit.item_models import TradeListModel as TradeListModel
    from qt_upbit.key_store import delete_credentials as delete_credentials
    from qt_upbit.key_store import load_credentials as load_credentials
    from qt_upbit.key_store import save_credentials as save_credentials
    from qt_upbit.metrics import LatencySummary as LatencySummary
    from qt_upbit.metrics import Metrics as Metrics
    from qt_upbit.metrics import ScopeMetrics as ScopeMetrics
    from qt_upbit.metrics import SubscriptionMetrics as SubscriptionMetrics
    from qt_upbit.models import from_dict as from_dict
    from qt_upbit.models import to_dict as to_dict
    from qt_upbit.number_entry import read_number as read_number
    from qt_upbit.protocol.account_outputs import AccountState as AccountState
    from qt_upbit.protocol.jwt_manager import JWTManager as JWTManager
    from qt_upbit.protocol.market_rules import MarketRules as MarketRules
    from qt_upbit.protocol.order_check import OrderRules as OrderRules
    from qt_upbit.protocol.order_check import check_order as check_order
    from qt_upbit.protocol.simple_format_converter import SimpleFormatConverter as SimpleFormatConverter
    from qt_upbit.protocol.subscription_state_manager import (
        SubscriptionStateManager as SubscriptionStateManager,
    )
    from qt_upbit.protocol.tick_sizes import round_to_tick as round_to_tick
    from qt_upbit.qt.account import Account as Account
    from qt_upbit.qt.application_run import run as run
    from qt_upbit.qt.application_run import until_quit as until_quit
    from qt_upbit.qt.candle_feed import CandleFeed as CandleFeed
    from qt_upbit.qt.embedding import install as install
    from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager as GlobalWebSocketManager
    from qt_upbit.qt.owned_slot import owned_slot as owned_slot
    from qt_upbit.qt.subscription import Subscription as Subscription
    from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy as WebSocketClientProxy
    from qt_upbit.records import ApiKey as ApiKey
    from qt_upbit.records import Balance as Balance
    from qt_upbit.records import ByCode as ByCode
    from qt_upbit.records import CancelledOrder as CancelledOrder
    from qt_upbit.records import CancelResult as CancelResult
    from qt_upbit.records import Deposit as Deposit
    from qt_upbit.records import Fill as Fill
    from qt_upbit.records import Instrument as Instrument
    from qt_upbit.records import Market as Market
    from qt_upbit.records import Order as Order
    from qt_upbit.records import OrderChance as OrderChance
    from qt_upbit.records import Pocket as Pocket
    from qt_upbit.records import RestCandle as RestCandle
    from qt_upbit.records import RestTicker as RestTicker
    from qt_upbit.records import WalletStatus as WalletStatus
    from qt_upbit.records import Withdrawal as Withdrawal
    from qt_upbit.regions import QuoteCurrency as QuoteCurrency
    from qt_upbit.regions import quote_currency_of as quote_currency_of
    from qt_upbit.rest.rest_client import RestClient as RestClient
    from qt_upbit.routing.data_routing_engine import DataRoutingEngine as DataRoutingEngine
    from qt_upbit.routing.fanout_hub import FanoutHub as FanoutHub
    from qt_upbit.transport.native_websocket_client import NativeWebSocketClient as NativeWebSocketClient
    from qt_upbit.types import KST as KST
    from qt_upbit.types import AnnouncementCategory as AnnouncementCategory
    from qt_upbit.types import AnnouncementEvent as AnnouncementEvent
    from qt_upbit.types import AnnouncementEventType as AnnouncementEventType
    from qt_upbit.types import AskBid as AskBid
    from qt_upbit.types import Asset as Asset
    from qt_upbit.types import BaseWebSocketEvent as BaseWebSocketEvent
    from qt_upbit.types import BookLevel as BookLevel
    from qt_upbit.types import CandleEvent as CandleEvent
    from qt_upbit.types import CandlePeriod as CandlePeriod
    from qt_upbit.types import CandleUnit as CandleUnit
    from qt_upbit.types import Change as Change
    from qt_upbit.types import ConnectionState as ConnectionState
    from qt_upbit.types import Delivery as Delivery
    from qt_upbit.types import IndicatorDefinition as IndicatorDefinition
    from qt_upbit.types import IndicatorEvent as IndicatorEvent
    from qt_upbit.types import IndicatorEventParams as IndicatorEventParams
    from qt_upbit.types import IndicatorParams as IndicatorParams
    from qt_upbit.types import IndicatorSignalEvent as IndicatorSignalEvent
    from qt_upbit.types import IndicatorTimeframe as IndicatorTimeframe
    from qt_upbit.types import IndicatorType as IndicatorType
    from qt_upbit.types import IndicatorValue as IndicatorValue
    from qt_upbit.types import MarketState as MarketState
    from qt_upbit.types import MarketWarning as MarketWarning
    from qt_upbit.types import MyAssetEvent as MyAssetEvent
    from qt_upbit.types import MyOrderEvent as MyOrderEvent
    from qt_upbit.types import OrderbookEvent as OrderbookEvent
    from qt_upbit.types import OrderbookUnit as OrderbookUnit
    from qt_upbit.types import OrderState as OrderState
    from qt_upbit.types import OrderType as OrderType
    from qt_upbit.types import Scope as Scope
    from qt_upbit.types import SmpType as SmpType
    from qt_upbit.types import StreamKey as StreamKey
    from qt_upbit.types import StreamType as StreamType
    from qt_upbit.types import TickerEvent as TickerEvent
    from qt_upbit.types import TimeInForce as TimeInForce
    from qt_upbit.types import TradeEvent as TradeEvent
    from qt_upbit.types import WireFormat as WireFormat


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None and name in _MOVED_TO_CORE:
        text = f"{name} is part of the core: import it from qt_upbit.core"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module("qt_upbit.core"), name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
