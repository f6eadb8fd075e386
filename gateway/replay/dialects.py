"""Which dialect reads a log: by BeginString(8), and for FIXT.1.1 whatever the application version, the newest.

FIX 4.0 and 4.1 are read by the dialect of 4.2 (in their own dictionaries every text is a single character), 4.3 by that of 4.4
over its own dictionary. FIX 4.0 has neither ExecType(150) nor LeavesQty(151): both follow from what it has, and are put into
the message before it is decoded.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.values import ZERO
from gateway.errors import ConfigurationError
from gateway.fix import tags
from gateway.fix.dialect import Dialect, load_dialect, require_usable
from gateway.fix.message import SOH, FixMessage
from gateway.fix.numbers import format_decimal, parse_decimal
from gateway.fix.strict import StrictDictionary, strict_dictionary

OLDEST = "FIX.4.0"
_BY_VERSION = {
    "FIX.4.0": ("generic-fix42", None),
    "FIX.4.1": ("generic-fix42", None),
    "FIX.4.2": ("generic-fix42", None),
    "FIX.4.3": ("generic-fix44", "FIX43.xml"),
    "FIX.4.4": ("generic-fix44", None),
}
"""BeginString(8) -> dialect, and the dictionary in the place of its own. 4.0 becomes like 4.2 by `modern`."""
_NEWEST = "generic-fix50sp2"
_ORDERS = ("8", "9", "D", "F", "G", "H")
_ENDED = frozenset("248C")


def dialect_of(version: str, chosen: str | None) -> tuple[Dialect, StrictDictionary]:
    """The dialect for messages of a version, and what it is judged by. `chosen` (a name or a file) goes before.

    Raises `NotFound` or `ConfigurationError` for a chosen one, `PreconditionFailed` without dictionaries.
    """
    if chosen is not None:
        return load_dialect(chosen), strict_dictionary(chosen)
    name, dictionary = _BY_VERSION.get(version, (_NEWEST, None))
    dialect = load_dialect(name)
    if dictionary is None:
        return dialect, strict_dictionary(name)
    older = msgspec.structs.replace(
        dialect,
        begin_string=version,
        dictionary=dictionary,
        messages=list(_ORDERS),
        ignored=[],
        market_data=None,
        positions=None,
        extra_fields=[],
    )
    try:
        require_usable(older)
    except ConfigurationError:
        return dialect, strict_dictionary(name)
    return older, StrictDictionary(older)


def modern(message: FixMessage, text: str) -> str:
    """An ExecutionReport of FIX 4.0 with the ExecType(150) and LeavesQty(151) that FIX 4.1 gave it."""
    status = message.get(tags.ORD_STATUS)
    if status is None or tags.EXEC_TYPE in message:
        return text
    added = f"{tags.EXEC_TYPE}={_exec_type(message, status)}{SOH}"
    quantity, cum_qty = (parse_decimal(message.get(tag)) for tag in (tags.ORDER_QTY, tags.CUM_QTY))
    if quantity is not None and cum_qty is not None and tags.LEAVES_QTY not in message:
        leaves = ZERO if status in _ENDED else max(quantity - cum_qty, Decimal(0))
        added += f"{tags.LEAVES_QTY}={format_decimal(leaves)}{SOH}"
    head, trailer, checksum = text.rpartition(f"{SOH}10=")
    return f"{head}{SOH}{added}10={checksum}" if trailer else text + added


def _exec_type(message: FixMessage, status: str) -> str:
    """OrdStatus(39) says what happened, but for a trade while a request is pending: that shows in LastShares(32)."""
    traded = parse_decimal(message.get(tags.LAST_QTY))
    return "1" if traded and status not in ("1", "2") else status
