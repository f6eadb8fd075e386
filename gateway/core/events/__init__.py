"""Events: immutable records that something happened. Their order in the journal is the truth; all else is derived.

Every event is a frozen struct with a `kind` tag and a schema `VERSION`. A stored event of an older version is decoded
through the upcasters in `gateway.core.codec`. Four families:

    market, execution, control   input: something happened outside the core
    derived                      what the core decided about it; on restart these are folded, never decided again

Field names are FIX's own where FIX has one (FIX 4.4 vol. 6). Quantities and prices are Decimal, `*_ns` UTC nanoseconds,
None means "not said".
"""

from __future__ import annotations

from gateway.core.events.base import (
    Event,
    Recorded,
)
from gateway.core.events.control import (
    CancelRequested,
    ConfigurationUpdated,
    ControlTime,
    DefectReported,
    EngineRejected,
    KillEngaged,
    KillReleased,
    LostRange,
    OperatorEvent,
    OrderRequested,
    OrderResolveRequested,
    PositionAdjusted,
    PositionsReported,
    ReplaceRequested,
    ReportedPosition,
    RunStarted,
    RunStopped,
    SessionCommanded,
    SessionDown,
    SessionEvent,
    SessionLoggedOn,
    SessionNotice,
    SessionReset,
    SessionScheduled,
    SessionSettled,
    SessionUnsettled,
    StopRequested,
    StrategyOverran,
    TradingDayRolled,
    TradingSwitched,
    Untranslated,
    VenueCloseRequested,
    VenueOpenRequested,
)
from gateway.core.events.derived import (
    ClosedUnsent,
    Denied,
    Dispatched,
    FillInferred,
    InDoubt,
    InvariantBroken,
    OpeningPosition,
    PositionsRequested,
    Queued,
    ReconciliationFinished,
    ReconciliationStarted,
    Resolved,
    StatusRequested,
    StrategyDisabled,
    StrategyFailed,
    StrategyRemembered,
    Superseded,
    VenueOpened,
)
from gateway.core.events.execution import (
    Accepted,
    Cancelled,
    CancelRejected,
    DoneForDay,
    EmergencyCancelSent,
    ExecutionEvent,
    Expired,
    FillBusted,
    FillCorrected,
    Filled,
    PendingCancel,
    PendingNew,
    PendingReplace,
    Rejected,
    Replaced,
    ReplaceRejected,
    Restated,
    StatusReported,
    SubmissionFailed,
    Suspended,
    Transmitted,
)
from gateway.core.events.market import (
    BookChange,
    BookSnapshot,
    BookUpdate,
    FeedStatus,
    Level,
    MarketEvent,
    MarketTrade,
)


def _leaves(cls: type[Event]) -> list[type[Event]]:
    children = cls.__subclasses__()
    return [leaf for child in children for leaf in _leaves(child)] if children else [cls]


EVENTS: dict[str, type[Event]] = {leaf.kind(): leaf for leaf in _leaves(Event)}
"""Every kind of event that can be stored, by its tag."""

DERIVED: frozenset[str] = frozenset(
    kind.kind()
    for kind in (
        Denied, Queued, Superseded, ClosedUnsent, Dispatched, StatusRequested, InDoubt, Resolved, FillInferred, OpeningPosition,
        ReconciliationStarted, ReconciliationFinished, VenueOpened, StrategyRemembered, StrategyFailed, StrategyDisabled,
        InvariantBroken, PositionsRequested,
    )
)  # fmt: skip
"""Kinds only the core makes: folded on restart, recomputed by `verify` alone."""

__all__ = [
    "DERIVED",
    "EVENTS",
    "Accepted",
    "BookChange",
    "BookSnapshot",
    "BookUpdate",
    "CancelRejected",
    "CancelRequested",
    "Cancelled",
    "ClosedUnsent",
    "ConfigurationUpdated",
    "ControlTime",
    "DefectReported",
    "Denied",
    "Dispatched",
    "DoneForDay",
    "EmergencyCancelSent",
    "EngineRejected",
    "Event",
    "ExecutionEvent",
    "Expired",
    "FeedStatus",
    "FillBusted",
    "FillCorrected",
    "FillInferred",
    "Filled",
    "InDoubt",
    "InvariantBroken",
    "KillEngaged",
    "KillReleased",
    "Level",
    "LostRange",
    "MarketEvent",
    "MarketTrade",
    "OpeningPosition",
    "OperatorEvent",
    "OrderRequested",
    "OrderResolveRequested",
    "PendingCancel",
    "PendingNew",
    "PendingReplace",
    "PositionAdjusted",
    "PositionsReported",
    "PositionsRequested",
    "Queued",
    "ReconciliationFinished",
    "ReconciliationStarted",
    "Recorded",
    "Rejected",
    "ReplaceRejected",
    "ReplaceRequested",
    "Replaced",
    "ReportedPosition",
    "Resolved",
    "Restated",
    "RunStarted",
    "RunStopped",
    "SessionCommanded",
    "SessionDown",
    "SessionEvent",
    "SessionLoggedOn",
    "SessionNotice",
    "SessionReset",
    "SessionScheduled",
    "SessionSettled",
    "SessionUnsettled",
    "StatusReported",
    "StatusRequested",
    "StopRequested",
    "StrategyDisabled",
    "StrategyFailed",
    "StrategyOverran",
    "StrategyRemembered",
    "SubmissionFailed",
    "Superseded",
    "Suspended",
    "TradingDayRolled",
    "TradingSwitched",
    "Transmitted",
    "Untranslated",
    "VenueCloseRequested",
    "VenueOpenRequested",
    "VenueOpened",
]
