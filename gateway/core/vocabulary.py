"""Words that reach the records and have no type of their own: what each of them means.

docs/vocabulary.md is made from here, among other places. A test reads the core's source and finds every word that is used and
not listed. Data only: nothing decides by these tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.values import SessionState

ANOMALIES: Mapping[str, str] = {
    "business_reject": "BusinessMessageReject(j) in either direction: a message was understood and refused",
    "contradiction": "a report names another side or symbol than the order has; what is certain in it is applied",
    "corporate_action": "a restatement after a corporate action: quantities follow it, the position is an operator's to adjust",
    "crossed_book": "a book whose best bid is above its best offer: kept as the feed said it",
    "cum_qty_behind": "a status answer reports a smaller CumQty(14) than the executions received: one may have to be busted",
    "deviation": "a message departs from the strict dictionary; what is certain in it is applied, the rest is kept raw",
    "duplicate_execution": "an ExecID(17) came again with the same content and without PossDupFlag(43): not counted",
    "duplicate_refused": "the venue refused a copy of an order that it has acknowledged: not applied, the venue is asked",
    "duplicate_trade": "another ExecID(17) for a trade already counted (time, price, quantity, CumQty): not counted",
    "engine_rejected": "our own engine rejected a message before anybody saw it: kept raw, the venue is asked",
    "exec_id_conflict": "an ExecID(17) came again with other content: the first stands, somebody must look",
    "external_order": "the venue reports an order that this gateway did not send: visible and cancellable from now on",
    "fill_inferred": "the venue's CumQty(14) proves an execution whose report is missing: counted until the report replaces it",
    "implausible_cum_qty": "CumQty(14) is beyond all that was ordered, and no execution says so: not counted, asked",
    "impossible_correction": "a correction of a busted execution, or to no quantity: not applied",
    "invariant_broken": "what must always hold does not: dispatch is halted until an operator enables trading",
    "late_fill": "an execution of an order that had ended: real money, it counts, the state stays",
    "lost_range": "inbound messages that will never be seen: the venue is asked for what they may have held",
    "no_edge": "a report that fits no edge of the lifecycle: recorded, the state is untouched",
    "no_quantity": "a trade report without a quantity above zero: not applied",
    "not_reconciled": "a reconciliation ended with orders the venue did not answer for: it stays closed and is asked again",
    "over_fill": "more was executed than was ordered: it counts",
    "position_differs": "the venue tells another position than our fills make: nothing is adjusted, somebody must look",
    "positions_unknown": "the venue refused to tell positions, or did not answer in time",
    "reject": "Reject(3) in either direction: a message was not understood",
    "reject_after_fill": "a rejection of an order with executions: not applied, the venue is asked",
    "reopened": "an order that had ended works again on the venue's word: exposure is never understated",
    "stale_report": "a change of terms came again after a later one: not applied",
    "strategy_disabled": "not consulted any more: it failed too often (orders stay), executed too often or overran (cancelled)",
    "strategy_failed": "a strategy raised an error: the event went on without it",
    "terms_differ": "a status answer shows a quantity or price nobody here asked for: taken over",
    "unknown_execution": "a correction or bust of an execution never reported: counted as far as CumQty(14) bears out; asked",
    "unknown_order": "a report of an order that is not known and cannot be made known from it",
    "update_without_snapshot": "an increment for a book that was never sent whole: not applied",
    "untranslated": "a message that became no event: kept raw",
}
"""`v_anomalies.kind`, and `v_order_events.anomaly` where it concerns an order."""

SESSION_EVENTS: Mapping[str, str] = {
    "logon": "Logon(A) answered; nothing is sent before the numbers agree",
    "logout": "Logout(5), ours or theirs",
    "disconnect": "the connection ended without a Logout(5), or the gateway that had it died",
    "reject": "Reject(3), theirs or our engine's",
    "business_reject": "BusinessMessageReject(j)",
    "resend_request": "the venue asked for messages again; they are gap-filled, never sent again",
    "gap": "messages of the venue are missing and were asked for, or a gap was filled",
    "lost_range": "messages that will never be seen",
    "sequence_reset": "SequenceReset(4) of the venue",
    "reset": "the numbers begin anew, at 1 or as an operator set them: a new epoch",
    "logon_refused": "the venue answered the Logon(A) with a Logout(5)",
    "schedule_begin": "the hours of the schedule begin: the session logs on",
    "schedule_end": "they end, or are over when the gateway starts: the session logs out, or stays out",
    "market_data_refused": "the venue refused a market data request that another has followed since",
    "discarded_market_data": "market data sent again in a resend: old, not applied, subscribed anew",
}
"""`v_session_events.event`."""

SESSION_STATES: Mapping[str, str] = {
    SessionState.DOWN: "not connected, or not logged on",
    SessionState.LOGGED_ON: "logged on; the sequence numbers are not known to agree, nothing is sent",
    SessionState.SETTLED: "both sides agree on the numbers",
}
"""`v_sessions.state`."""

POSITION_CAUSES: Mapping[str, str] = {
    "fill": "an execution",
    "correction": "an execution got other content; all that changed the position is counted anew",
    "bust": "an execution was taken back; all that changed the position is counted anew",
    "inferred": "an execution that the venue's CumQty(14) proves and whose report is missing",
    "replaced": "the missing report came: it stands in the place of the inferred execution",
    "opening": "a position told by the configuration as of a date (`[[positions]]`)",
    "adjustment": "an operator's word: `gateway position adjust`",
}
"""`v_position_events.cause`."""
