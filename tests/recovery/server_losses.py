"""What a PostgreSQL server that crashed took with it, told from what the gateway lost.

With `durability = "commit"` the server may forget what it confirmed in its last moments. Where the gateway that could write it
again did not come back in time, docs/durability.md says what becomes of what was sent then: orders of another origin, in the
venue's state, counted once. The proof is what was sent and when, for every single one of them; nothing else is excused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from postgresql import PostgresqlGateway

from gateway.sim.ledger import read_ledger

WITHIN = timedelta(seconds=2)
"""Before a crash. Three times `wal_writer_delay`, which is 0.2 s; and who writes it out may have to wait for his turn."""


class ServerLosses:
    """Of one pair and one server. `count` is how many orders were lost and found."""

    def __init__(self, durability: str) -> None:
        self._possible = durability == "commit"
        self._crashes: list[datetime] = []
        self.count = 0

    @property
    def possible(self) -> bool:
        return self._possible and bool(self._crashes)

    def crashed(self) -> None:
        self._crashes.append(datetime.now(UTC))

    def unexplained(self, found: Iterable[str], gateways: Iterable[PostgresqlGateway], ledger: Path) -> list[str]:
        """What is no loss of the server's among differences; `count` the rest."""
        first, *_ = gateways = list(gateways)
        rows = first.rows("SELECT order_id, cl_ord_id FROM v_orders WHERE external")
        names = {f"external order {row['order_id']}": row["cl_ord_id"] for row in rows}
        made = {line.cl_ord_id: _instant(line.sent_ns) for line in reversed(read_ledger(ledger))}
        left, lost = [], 0
        for line in found:
            sent = [when for one in gateways if (when := _sent(one, names.get(line), made))]
            if self._possible and any(crash - WITHIN < when <= crash for when in sent for crash in self._crashes):
                lost += 1
            else:
                left.append(f"{line} ({names[line]} sent {sent or 'never'})" if line in names else line)
        self.count = lost
        return left


def _sent(gateway: PostgresqlGateway, cl_ord_id: str | None, made: Mapping[str | None, datetime]) -> datetime | None:
    """When a gateway sent a request; None when it did not.

    A thread writes the FIX log: the last lines of a gateway that was killed may be missing. The send log has them, without a
    time; then it is that of the venue's first report, which is not earlier.
    """
    if cl_ord_id is None:
        return None
    path = gateway.state / "fix/SIM/messages.log"
    for line in path.read_text("latin-1").splitlines() if path.exists() else ():
        if " out " in line and f"\x0111={cl_ord_id}\x01" in line and any(f"\x0135={kind}\x01" in line for kind in "DG"):
            return datetime.strptime(line.split(" ", 1)[0], "%Y%m%d-%H:%M:%S.%f").replace(tzinfo=UTC)
    path = gateway.state / "fix/SIM/send.log"
    known = path.exists() and any(line.endswith(f" {cl_ord_id}") for line in path.read_text().splitlines())
    return made.get(cl_ord_id) if known else None


def _instant(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
