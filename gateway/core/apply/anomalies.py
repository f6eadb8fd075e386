"""What does not fit, said the same way everywhere: its kind, and the message it came with."""

from __future__ import annotations

from gateway.core.changes import AnomalyRaised
from gateway.core.events import ExecutionEvent, SessionEvent
from gateway.core.orders import Order


def misfit(kind: str, event: ExecutionEvent, order: Order | None, detail: str) -> AnomalyRaised:
    """`order` is None where the report names none that is known."""
    return AnomalyRaised(
        anomaly=kind,
        order_id=None if order is None else order.order_id,
        venue=event.venue,
        session=event.session,
        msg_seq_num=event.msg_seq_num,
        raw=event.raw,
        detail=detail,
    )


def session_misfit(
    kind: str, event: SessionEvent, detail: str, msg_seq_num: int | None, raw: str | None = None
) -> AnomalyRaised:
    """What a session said that fits nothing; of no order."""
    return AnomalyRaised(
        anomaly=kind, venue=event.venue, session=event.session, msg_seq_num=msg_seq_num, raw=raw, detail=detail
    )
