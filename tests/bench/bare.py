"""The reference: the smallest Python QuickFIX application that does the same job, without journal, risk or state.

python bare.py PORT DIRECTORY
"""

from __future__ import annotations

import sys
import threading

import quickfix as fix
from bench_wire import AGAIN_TEXT, settings

from gateway.fix.dictionary import find


class Bare(fix.Application):
    def __init__(self) -> None:
        super().__init__()
        self._next = 0

    def onCreate(self, session: fix.SessionID) -> None: ...

    def onLogon(self, session: fix.SessionID) -> None: ...

    def onLogout(self, session: fix.SessionID) -> None: ...

    def toAdmin(self, message: fix.Message, session: fix.SessionID) -> None: ...

    def fromAdmin(self, message: fix.Message, session: fix.SessionID) -> None: ...

    def toApp(self, message: fix.Message, session: fix.SessionID) -> None: ...

    def fromApp(self, message: fix.Message, session: fix.SessionID) -> None:
        kind = message.getHeader().getField(35)
        if kind == "W" or (kind == "8" and message.getField(31) == AGAIN_TEXT):
            self._order(session)

    def _order(self, session: fix.SessionID) -> None:
        self._next += 1
        order = fix.Message()
        order.getHeader().setField(fix.MsgType("D"))
        order.setField(fix.ClOrdID(f"bare-{self._next}"))
        order.setField(fix.HandlInst("1"))
        order.setField(fix.Symbol("BENCH"))
        order.setField(fix.Side("1"))
        order.setField(fix.TransactTime())
        order.setField(fix.OrderQty(1))
        order.setField(fix.OrdType("2"))
        order.setField(fix.Price(100))
        order.setField(fix.TimeInForce("0"))
        fix.Session.sendToTarget(order, session)


def main(port: int, directory: str) -> None:
    application = Bare()
    parsed = settings("initiator", port, directory, "BARE", "BENCH", str(find("FIX44.xml")))
    initiator = fix.SocketInitiator(application, fix.FileStoreFactory(parsed), parsed, fix.FileLogFactory(parsed))
    initiator.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
