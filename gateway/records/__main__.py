"""`python -m gateway.records`: the process of a gateway's record writer. Gateways start it; it is of no use by itself."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
"""prctl(2)"""


def main() -> None:
    """First of all deaf to what ends the gateway: a terminal or a supervisor tells every process of a group, and this one ends
    when the gateway has written its last event."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # The end of the pipe tells it that the gateway is gone, but not one that is stopped or hangs with the records locked.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    from gateway.records.child import serve

    serve()


if __name__ == "__main__":
    main()
