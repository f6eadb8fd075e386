"""Geometry of a review's pictures: what is drawn where, in the units of an SVG that is `WIDTH` wide.

Nothing is escaped here and no markup is made: the page does both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal

from gateway.core.events import Level
from gateway.core.values import OrderState
from gateway.incident.model import BookView, Entry, Execution, Incident, OrderLane, Quote
from gateway.incident.narrate import number, span
from gateway.instants import local_time

WIDTH = 1000.0
LEFT, RIGHT = 200.0, 920.0
LANE_HEIGHT = 34.0
QUOTE_HEIGHT = 170.0
LADDER_ROW = 34.0
MOST_LANES = 60
MOST_RUNGS = 250
MOST_BOOKS = 60
_BAR = 100.0
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_STEPS = (*(times * 1_000 * 10**power for power in range(6) for times in (1, 2, 5)), *(one * 10**9 for one in _SECONDS))
"""Distances of ticks in nanoseconds that people read easily."""
_ENDED = frozenset(state.value for state in OrderState if state.terminal)


def day(at_ns: int) -> str:
    """The day, UTC."""
    return f"{local_time(at_ns, UTC):%Y-%m-%d}"


def clock(at_ns: int) -> str:
    """Time of day, UTC, to the microsecond."""
    return f"{local_time(at_ns, UTC):%H:%M:%S.%f}"


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right. `ticks`: position and label."""

    from_ns: int
    to_ns: int
    ticks: tuple[tuple[float, str], ...]

    def x(self, at_ns: int) -> float:
        share = (at_ns - self.from_ns) / max(self.to_ns - self.from_ns, 1)
        return round(LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0), 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of an order's life in one state."""

    x: float
    width: float
    state: str
    in_doubt: bool
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: an execution, a decision, an answer."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(slots=True)
class Row:
    """One order's lane."""

    y: float
    label: str
    below: str
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


@dataclass(slots=True)
class Lanes:
    """All lanes under one time axis; `more` orders did not fit."""

    height: float
    axis: Axis
    rows: list[Row]
    more: int


@dataclass(slots=True)
class Quotes:
    """Best bid and ask of a symbol as step lines, with what was done against them."""

    title: str
    axis: Axis
    height: float
    bid: str
    ask: str
    limits: list[tuple[str, str]]
    """Our working prices: a path and what it stands for."""
    prices: list[tuple[float, str]]
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Depth:
    """A price level: its bar, and whether an order of the review was at it."""

    y: float
    x: float
    width: float
    side: str
    price: str
    quantity: str
    ours: bool


@dataclass(slots=True)
class Ladder:
    """A book at one moment."""

    title: str
    below: str
    height: float
    levels: list[Depth]


@dataclass(frozen=True, slots=True)
class Rung:
    """One message between us and a venue."""

    y: float
    time: str
    gap: str
    outgoing: bool
    title: str
    text: str
    seq: int


@dataclass(slots=True)
class Messages:
    """The message ladder of one session; `more` messages did not fit."""

    session: str
    height: float
    rungs: list[Rung]
    more: int


def axis(incident: Incident) -> Axis:
    """Ticks at round times, six to twelve of them."""
    begin, end = incident.from_ns, max(incident.to_ns, incident.from_ns + 1_000)
    step = _step(end - begin)
    made = Axis(begin, end, ())
    ticks = []
    at = -(-begin // step) * step
    while at <= end:
        label = f"{local_time(at, UTC):%H:%M:%S.%f}" if step < 1_000_000_000 else f"{local_time(at, UTC):%H:%M:%S}"
        ticks.append((made.x(at), label.rstrip("0").rstrip(".") if "." in label else label))
        at += step
    return Axis(begin, end, tuple(ticks))


def _step(length_ns: int) -> int:
    return next((step for step in _STEPS if length_ns <= 8 * step), max(length_ns // 8, 1))


def lanes(incident: Incident) -> Lanes:
    """Orders in the sequence they were seen, each with its states and executions."""
    scale = axis(incident)
    shown = incident.orders[:MOST_LANES]
    rows = [_row(lane, scale, 30 + index * LANE_HEIGHT) for index, lane in enumerate(shown)]
    return Lanes(30 + len(rows) * LANE_HEIGHT + 6, scale, rows, len(incident.orders) - len(shown))


def _row(lane: OrderLane, scale: Axis, y: float) -> Row:
    terms = "market" if lane.price is None else number(lane.price)
    row = Row(y, lane.order_id, f"{lane.side} {number(lane.quantity)} {lane.symbol} {terms}")
    state = ""
    for stage, after in zip(lane.stages, [*lane.stages[1:], None], strict=True):
        end = after.at_ns if after is not None else scale.to_ns
        x = scale.x(stage.at_ns)
        doubt = ", in doubt" if stage.in_doubt else ""
        price = number(stage.price)
        title = f"{clock(stage.at_ns)} {stage.state}, CumQty {number(stage.cum_qty)}, price {price}{doubt}"
        width = max(scale.x(end) - x, 0.0)
        if stage.state not in _ENDED:
            row.bars.append(Bar(x, round(max(width, 1.5), 1), stage.state, stage.in_doubt, title))
        elif stage.state != state:
            row.marks.append(Mark(x, y + 11, f"end {stage.state}", title))
        state = stage.state
    for one in lane.executions:
        title = f"{clock(one.at_ns)} {one.status} {number(one.last_qty)} at {number(one.last_px)}, ExecID {one.exec_id}"
        row.marks.append(Mark(scale.x(one.at_ns), y + 11, _kind(one), title))
    return row


def _kind(one: Execution) -> str:
    return "fill" if one.status in ("new", "corrected") else "unfill"


def quotes(incident: Incident) -> list[Quotes]:
    """A chart for each symbol that has prices in the window."""
    scale = axis(incident)
    return [made for title, found in incident.quotes.items() if (made := _chart(incident, title, found, scale)) is not None]


def _chart(incident: Incident, title: str, found: list[Quote], scale: Axis) -> Quotes | None:
    venue, _, symbol = title.partition(" ")
    ours = [lane for lane in incident.orders if lane.symbol == symbol]
    prices = [price for quote in found for price in (quote.bid, quote.ask) if price is not None]
    prices += [one.last_px for lane in ours for one in lane.executions]
    if not prices:
        return None
    low, high = min(prices), max(prices)
    room = (high - low) or max(abs(high) / 1000, Decimal("0.01"))
    low, high = low - room / 10, high + room / 10
    top, bottom = 12.0, QUOTE_HEIGHT - 24

    def y(price: Decimal) -> float:
        return round(bottom - float((price - low) / (high - low)) * (bottom - top), 1)

    marks, limits = [], []
    for lane in ours:
        points = [
            (
                scale.x(stage.at_ns),
                None if stage.price is None or stage.state in _ENDED else y(min(max(stage.price, low), high)),
            )
            for stage in lane.stages
        ]
        limits.append((_steps(points), f"{lane.order_id}: {lane.side} {number(lane.quantity)}"))
        for one in lane.executions:
            text = f"{lane.order_id}: {one.status} {number(one.last_qty)} at {number(one.last_px)}"
            marks.append(Mark(scale.x(one.at_ns), y(one.last_px), _kind(one), text))
    labels = [(y(price), number(price)) for price in dict.fromkeys((max(prices), min(prices)))]
    bid = _steps([(scale.x(q.at_ns), None if q.bid is None else y(q.bid)) for q in found])
    ask = _steps([(scale.x(q.at_ns), None if q.ask is None else y(q.ask)) for q in found])
    return Quotes(f"{symbol} at {venue}", scale, QUOTE_HEIGHT, bid, ask, limits, labels, marks)


def _steps(points: list[tuple[float, float | None]]) -> str:
    """An SVG path that stays level until the next point; a missing price interrupts it."""
    path: list[str] = []
    level: float | None = None
    for x, y in points:
        if y is None:
            path.append(f"H{x}" if level is not None else "")
        elif level is None:
            path.append(f"M{x} {y}")
        else:
            path.append(f"H{x}V{y}")
        level = y
    if level is not None:
        path.append(f"H{RIGHT}")
    return "".join(path)


def books(incident: Incident) -> tuple[list[Ladder], int]:
    """The books that the first decisions were made against, and how many more decisions there are."""
    seen = [
        (entry, entry.book) for entry in incident.entries if entry.book is not None and (entry.book.bids or entry.book.asks)
    ]
    return [_book(entry, book) for entry, book in seen[:MOST_BOOKS]], max(len(seen) - MOST_BOOKS, 0)


def _book(entry: Entry, book: BookView) -> Ladder:
    asks, bids = [("ask", level) for level in reversed(book.asks)], [("bid", level) for level in book.bids]
    largest = max((level.quantity for _, level in (*asks, *bids)), default=Decimal(1)) or Decimal(1)
    levels = [
        _level(index, side, level, largest, level.price == entry.price) for index, (side, level) in enumerate((*asks, *bids))
    ]
    age = span(entry.at_ns - book.at_ns)
    below = f"{book.symbol} at {book.venue}, {age} old" + (f", feed {book.feed}" if book.feed and book.feed != "up" else "")
    return Ladder(f"{clock(entry.at_ns)} {entry.title}", below, 8 + len(levels) * 18, levels)


def _level(index: int, side: str, level: Level, largest: Decimal, ours: bool) -> Depth:
    width = round(float(level.quantity / largest) * _BAR, 1)
    return Depth(4 + index * 18, 100.0, max(width, 1.0), side, number(level.price), number(level.quantity), ours)


def messages(incident: Incident) -> list[Messages]:
    """A ladder for each session, oldest message on top."""
    by_session: dict[str, list[Entry]] = {}
    for entry in incident.entries:
        if entry.wire is not None:
            by_session.setdefault(entry.wire.session, []).append(entry)
    return [_ladder(session, found) for session, found in by_session.items()]


def _ladder(session: str, found: list[Entry]) -> Messages:
    shown = found[:MOST_RUNGS]
    rungs = []
    before: int | None = None
    for index, entry in enumerate(shown):
        wire = entry.wire
        assert wire is not None, "chosen for having one"
        title = f"{wire.what}  MsgSeqNum {wire.msg_seq_num}"
        gap = "" if before is None else f"+{span(entry.at_ns - before)}"
        rungs.append(
            Rung(40 + index * LADDER_ROW, clock(entry.at_ns), gap, wire.outgoing, title, wire.text or entry.title, entry.seq)
        )
        before = entry.at_ns
    return Messages(session, 40 + len(rungs) * LADDER_ROW, rungs, len(found) - len(shown))
