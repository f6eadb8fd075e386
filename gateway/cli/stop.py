"""`gateway stop`: asks the live process to end, and says whether it ended cleanly.

The answer to the request only means that it was heard. The end is seen from outside: nobody holds the journal any more, and
its last record says that the run was stopped.
"""

from __future__ import annotations

from time import monotonic, sleep

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command
from gateway.core.events import RunStopped
from gateway.errors import GatewayError, UnknownOutcome

_POLL_SECONDS = 0.05


@command("stop", example='gateway stop --cancel-open --reason "end of day"')
@click.option("--cancel-open", is_flag=True, help="Cancel what is open first.")
@click.option(
    "--timeout", type=click.FloatRange(0, 3600), default=60, show_default=True, metavar="SECONDS", help="For its end."
)
@asks(reason="required")
def stop(instance: Instance, cancel_open: bool, timeout: float, reason: str, request_id: str | None) -> None:
    """Ask the gateway to stop, and wait for its clean end.

    With --cancel-open, exit code 7 means that it has ended and a venue has not confirmed every cancel.
    """
    answer = instance.ask("/stop", reason=reason, request_id=request_id, cancel_open=cancel_open)
    await_end(instance, timeout)
    left = orders_left(instance)
    if instance.as_json:
        output.document(answer | {"stopped": True, "clean_stop": True, "open_orders": left})
    else:
        click.echo("stopped cleanly")
    if not left:
        return
    orders = "1 order" if left == 1 else f"{left} orders"
    if cancel_open:
        raise UnknownOutcome(
            f"{orders} may still be open: their cancels were not confirmed before the end; look at `gateway order list"
            " --open` and ask the venues. The next start asks about them"
        )
    output.say(f"{orders} left open at the venues: `gateway order list --open`")


def orders_left(instance: Instance) -> int | None:
    """How many orders are open after the end; None when the records cannot tell."""
    from gateway.cli.listings import OPEN_STATES
    from gateway.cli.reading import opened
    from gateway.records.queries import view_rows

    try:
        with opened(instance) as store:
            return len(view_rows(store, "v_orders", where={"state": OPEN_STATES}))
    except GatewayError as error:
        output.say(f"which orders are still open is not known here: {error}")
        return None


def await_end(instance: Instance, timeout: float) -> None:
    """Return when the process has ended cleanly. Raises GatewayError when it ended otherwise, UnknownOutcome in time."""
    deadline = monotonic() + timeout
    journal = instance.journal()
    while (holder := journal.holder()) is not None:
        if monotonic() >= deadline:
            raise UnknownOutcome(
                f"the gateway ({holder}) was asked to stop and has not ended within {timeout:g} seconds;"
                " look at `gateway status`"
            )
        sleep(_POLL_SECONDS)
    reader = journal.reader()
    try:
        last = reader.read(reader.head()[0] - 1, 1)
    finally:
        reader.close()
    if not last or not isinstance(last[0].recorded.event, RunStopped):
        raise GatewayError("the gateway ended, but its journal does not end with a stop; read its log before the next start")
