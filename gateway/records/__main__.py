"""`python -m gateway.records`: the process of a gateway's record writer. Gateways start it; it is of no use by itself."""

import signal


def main() -> None:
    """First of all deaf to what ends the gateway: a terminal or a supervisor tells every process of a group, and this one ends
    when the gateway has written its last event."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from gateway.records.child import serve

    serve()


if __name__ == "__main__":
    main()
