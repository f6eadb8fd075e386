"""A row's words as the fields of a FIX message, as each version spells them.

Before FIX 4.3 a trade is ExecType(150) 1 or 2, and ExecTransType(20) cancels, corrects or makes a status of what the rest of
the report repeats; since then ExecType says all of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.fix.timestamps import format_utc

SOH = "\x01"

STATUS = {
    "New": "0", "PartiallyFilled": "1", "Filled": "2", "DoneForDay": "3", "Canceled": "4", "Replaced": "5",
    "PendingCancel": "6", "Stopped": "7", "Rejected": "8", "Suspended": "9", "PendingNew": "A", "Calculated": "B",
    "Expired": "C", "PendingReplace": "E",
}  # fmt: skip
"""OrdStatus(39), FIX 4.4 vol. 6; FIX 4.2 has the same."""
EXEC_TYPE = {
    "New": "0", "DoneForDay": "3", "Canceled": "4", "Replaced": "5", "PendingCancel": "6", "Stopped": "7", "Rejected": "8",
    "Suspended": "9", "PendingNew": "A", "Calculated": "B", "Expired": "C", "Restated": "D", "PendingReplace": "E",
}  # fmt: skip
"""ExecType(150) where all versions agree."""
SINCE_43 = {"Trade": "F", "TradeCorrect": "G", "TradeCancel": "H", "Status": "I"}
"""ExecType(150) where they do not."""
TRANS_TYPE = {"TradeCancel": "1", "TradeCorrect": "2", "Status": "3"}
"""ExecTransType(20), before FIX 4.3."""


def exec_type(word: str, status: str, version: str) -> dict[int, str]:
    """ExecType(150) and, where there is such a field, ExecTransType(20)."""
    if version != "fix42":
        return {150: SINCE_43.get(word) or EXEC_TYPE[word]}
    if word in EXEC_TYPE:
        return {20: "0", 150: EXEC_TYPE[word]}
    code = STATUS[status] if word == "Status" else "2" if status == "Filled" else "1"
    return {20: TRANS_TYPE.get(word, "0"), 150: code}


def message(begin_string: str, msg_type: str, seq: int, sent_ns: int, body: Mapping[int, str]) -> str:
    """A whole message from the venue. PossDupFlag(43), PossResend(97) and OrigSendingTime(122) go to the header."""
    head = {8: begin_string, 9: "100", 35: msg_type, 34: str(seq), 49: "SIM", 56: "GATEWAY", 52: format_utc(sent_ns, 3)}
    head |= {tag: body[tag] for tag in (43, 97, 122) if tag in body}
    fields = {**head, **{tag: value for tag, value in body.items() if tag not in head}, 10: "000"}
    return "".join(f"{tag}={value}{SOH}" for tag, value in fields.items())
