"""A review as one HTML page: no network, no files beside it, readable from a mail attachment, on paper, and in the dark.

Everything a venue, an operator or a strategy said is text on it: jinja2 escapes all of it, controls and marks that would
reorder it are written out, and the page's own policy forbids it to load or send anything.
"""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from gateway.incident import drawing
from gateway.incident.model import LANES, Incident
from gateway.incident.narrate import number, span
from gateway.redaction import printable

_TEMPLATE = "page.html.j2"


def page(incident: Incident) -> str:
    """The whole page."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalize
    )
    environment.filters |= {"clock": drawing.clock, "day": drawing.day, "number": number, "span": span}
    books, more_books = drawing.books(incident)
    template = environment.from_string((files("gateway.incident") / _TEMPLATE).read_text("utf-8"))
    return template.render(
        incident=incident,
        tiles=_tiles(incident),
        lanes=drawing.lanes(incident),
        charts=drawing.quotes(incident),
        books=books,
        more_books=more_books,
        stamp=drawing.clock if drawing.day(incident.from_ns) == drawing.day(incident.to_ns) else _dated,
        ladders=drawing.messages(incident),
        speakers=[lane for lane in LANES if any(entry.lane == lane for entry in incident.entries)],
        left=drawing.LEFT,
        right=drawing.RIGHT,
        width=drawing.WIDTH,
    )


def _dated(at_ns: int) -> str:
    return f"{drawing.day(at_ns)} {drawing.clock(at_ns)}"


def _finalize(value: object) -> object:
    """Text without controls; what is not text is the template's own."""
    return printable(value) if type(value) is str else value


def _tiles(incident: Incident) -> list[tuple[str, str, bool]]:
    """Heading, figure, and whether it should worry somebody."""
    kinds = Counter(entry.kind for entry in incident.entries)
    anomalies = sum(len(entry.anomalies) for entry in incident.entries)
    executions = sum(len(lane.executions) for lane in incident.orders)
    return [
        ("orders", str(len(incident.orders)), False),
        ("executions", str(executions), False),
        ("denied", str(kinds["denied"]), bool(kinds["denied"])),
        ("in doubt", str(kinds["in_doubt"]), bool(kinds["in_doubt"])),
        ("anomalies", str(anomalies), bool(anomalies)),
        ("operator actions", str(sum(entry.lane == "operator" for entry in incident.entries)), False),
        ("market events", str(incident.market_events), False),
    ]
