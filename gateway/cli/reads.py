"""The nouns that are mostly looked at: `fill`, `position`, `decision`, `anomaly`, `audit`."""

from __future__ import annotations

from gateway.cli.adjust import adjust
from gateway.cli.book import book
from gateway.cli.listings import ANOMALIES, AUDIT, DECISIONS, FILLS, POSITION_HISTORY, POSITIONS, listing_command
from gateway.cli.options import group

fill = group("fill", "Executions.")
position = group("position", "Positions.")
decision = group("decision", "What was decided about every intent.")
anomaly = group("anomaly", "What should not have been.")
audit = group("audit", "What operators asked for.")

listing_command(FILLS, fill)
fill.add_command(book)
listing_command(POSITIONS, position)
listing_command(POSITION_HISTORY, position)
position.add_command(adjust)
listing_command(DECISIONS, decision)
listing_command(ANOMALIES, anomaly)
listing_command(AUDIT, audit)
