"""Whether a message is what the standard says: judged by the engine with its own dictionaries, unmodified."""

from __future__ import annotations

from functools import lru_cache

import quickfix as fix

from gateway.fix.dialect import Dialect
from gateway.fix.dictionary import find

SOH = "\x01"


@lru_cache(maxsize=8)
def dictionary(name: str) -> fix.DataDictionary:
    """As shipped, refusing fields and values it does not know. It lives as long as the process: the engine keeps pointers."""
    return fix.DataDictionary(str(find(name)))


def objection(dialect: Dialect, text: str) -> str | None:
    """What the standard has against a message, or None. BodyLength(9) and CheckSum(10) are computed anew: a redacted log
    holds other values than were sent."""
    text = _framed(text)
    application = dictionary(dialect.dictionary)
    try:
        if dialect.transport_dictionary is None:
            application.validate(fix.Message(text, application, True))
        else:
            transport = dictionary(dialect.transport_dictionary)
            message = fix.Message(text, transport, application, True)
            body = transport if message.isAdmin() else application
            fix._quickfix.DataDictionary_validate(message, transport, body)  # static, and SWIG's wrapper cannot call it
    except fix.FIXException as error:
        return f"{type(error).__name__}: {error}: {text.replace(SOH, '|')}"
    return None


def _framed(text: str) -> str:
    fields = [field for field in text.split(SOH)[:-1] if not field.startswith(("8=", "9=", "10="))]
    begin = text.partition(SOH)[0]
    body = "".join(field + SOH for field in fields)
    head = f"{begin}{SOH}9={len(body.encode())}{SOH}{body}"
    return f"{head}10={sum(head.encode()) % 256:03d}{SOH}"
