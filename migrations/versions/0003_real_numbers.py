"""Whole amounts on SQLite become REAL like all others, so that dividing them leaves no remainder behind.

Values stay what they are (docs/decisions/0003-decimals-on-sqlite.md); what a double cannot hold stays INTEGER. PostgreSQL has
NUMERIC and stays as it is. Frozen: a later change is a later revision.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AMOUNTS = {
    "orders": ("quantity", "price", "stop_price", "cum_qty", "leaves_qty", "avg_px"),
    "fills": ("last_qty", "last_px"),
    "positions": ("net_qty", "avg_px", "realized_pnl", "bought_qty", "sold_qty"),
    "decisions": ("quantity", "price"),
    "order_events": ("last_qty", "last_px", "cum_qty", "leaves_qty", "quantity", "price"),
    "position_events": ("quantity", "price", "net_qty", "avg_px", "realized_pnl", "bought_qty", "sold_qty"),
}
LARGEST = 2**53


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, columns in AMOUNTS.items():
        for column in columns:
            op.execute(
                f"UPDATE {table} SET {column} = CAST({column} AS REAL)"  # noqa: S608 - names from this file
                f" WHERE typeof({column}) = 'integer' AND {column} BETWEEN {-LARGEST} AND {LARGEST}"
            )
