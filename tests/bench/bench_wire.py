"""What both sides of the benchmark share: engine settings and the price that asks for another order."""

from __future__ import annotations

import quickfix as fix

AGAIN_TEXT = "100.001"


def settings(kind: str, port: int, directory: str, sender: str, target: str, dictionary: str) -> fix.SessionSettings:
    """Settings of one session; an acceptor's `target` may name several, separated by commas."""
    where = f"SocketAcceptPort={port}" if kind == "acceptor" else f"SocketConnectHost=127.0.0.1\nSocketConnectPort={port}"
    head = (
        f"[DEFAULT]\nConnectionType={kind}\n{where}\nHeartBtInt=30\nReconnectInterval=1\nNonStopSession=Y\nSocketNodelay=Y\n"
        f"FileStorePath={directory}/store\nFileLogPath={directory}/log\nDataDictionary={dictionary}\n"
    )
    sessions = [f"[SESSION]\nBeginString=FIX.4.4\nSenderCompID={sender}\nTargetCompID={name}\n" for name in target.split(",")]
    parsed = fix.SessionSettings()
    parsed.setFromString(head + "".join(sessions))
    return parsed
