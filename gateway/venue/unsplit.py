"""Messages that the engine cannot split although they are sound: a data field in them holds SOH.

The engine is not told which fields are data, because it would believe any length that is written before them
(docs/decisions/0004-engine-edges.md). It takes such a message for garbled: it is not counted, and asking for it again does not
help. Or, where what follows the SOH looks like fields, it takes them for the message's own. Nothing here touches the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.errors import UndecodableMessage
from gateway.fix import tags
from gateway.fix.message import SOH, FixMessage

_TRAILER = re.compile("\x0110=([0-9]{3})\x01$")
_ADMINISTRATIVE = frozenset("012345A")
_HAS_DATA = re.compile(f"\x01(?:{'|'.join(map(str, tags.DATA_OF_LENGTH))})=").search
_NUMBER = re.compile("\x0134=([0-9]{1,18})\x01").search


def sound(raw: str, sender_comp_id: str, target_comp_id: str) -> FixMessage | None:
    """The application message `raw` from `sender_comp_id`, when SOH in its data is all that is the matter with it.

    `raw` is as the engine logs it, bytes that are no UTF-8 as surrogates; its BodyLength(9) is what the engine found it by.
    """
    trailer = _TRAILER.search(raw)
    if trailer is None:
        return None
    summed = sum(raw[: trailer.start() + 1].encode("utf-8", "surrogateescape")) % 256
    try:
        message = FixMessage.parse(raw)
    except UndecodableMessage:
        return None
    names = message.get(tags.SENDER_COMP_ID), message.get(tags.TARGET_COMP_ID)
    if summed != int(trailer[1]) or names != (sender_comp_id, target_comp_id) or message.msg_type in _ADMINISTRATIVE:
        return None
    return message if any(SOH in value for _, value in message.fields) else None


def as_it_came(split: str, recent: Iterable[str], sender_comp_id: str, target_comp_id: str) -> str:
    """`split`, a message as the engine gives it; as it arrived, where the engine has taken some of its data for fields.

    `recent`: what has arrived, the newest first.
    """
    number = _NUMBER(split) if _HAS_DATA(split) else None
    if number is None:
        return split
    for raw in recent:
        found = sound(raw, sender_comp_id, target_comp_id) if number[0] in raw else None
        if found is not None and found.msg_seq_num == int(number[1]):
            return raw
    return split
