"""Everything that somebody who writes a strategy needs, in one place; docs/strategies.md leads through it.

    from gateway.strategies import Memory, New, Params, Strategy, View

`quoter`, `momentum` and `slicer` come with the gateway; `template` is the one to copy.
"""

from __future__ import annotations

from gateway.core.contents import Book, LastTrade
from gateway.core.events import (
    Accepted,
    BookSnapshot,
    BookUpdate,
    Cancelled,
    CancelRejected,
    Event,
    ExecutionEvent,
    Expired,
    FeedStatus,
    FillBusted,
    FillCorrected,
    Filled,
    Level,
    MarketEvent,
    MarketTrade,
    Rejected,
    Replaced,
    ReplaceRejected,
    TimerFired,
)
from gateway.core.orders import Command, Order, Position, Terms
from gateway.core.settings import Instrument
from gateway.core.strategy import (
    Action,
    Cancel,
    Intent,
    Memory,
    New,
    NoWake,
    Params,
    Replace,
    Strategy,
    View,
    Wake,
)
from gateway.core.values import NANOS, OrderState, OrderType, Side, TimeInForce

__all__ = [
    "NANOS",
    "Accepted",
    "Action",
    "Book",
    "BookSnapshot",
    "BookUpdate",
    "Cancel",
    "CancelRejected",
    "Cancelled",
    "Command",
    "Event",
    "ExecutionEvent",
    "Expired",
    "FeedStatus",
    "FillBusted",
    "FillCorrected",
    "Filled",
    "Instrument",
    "Intent",
    "LastTrade",
    "Level",
    "MarketEvent",
    "MarketTrade",
    "Memory",
    "New",
    "NoWake",
    "Order",
    "OrderState",
    "OrderType",
    "Params",
    "Position",
    "Rejected",
    "Replace",
    "ReplaceRejected",
    "Replaced",
    "Side",
    "Strategy",
    "Terms",
    "TimeInForce",
    "TimerFired",
    "View",
    "Wake",
]
