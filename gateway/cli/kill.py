"""`gateway kill`: the kill switch, which must also close when nothing answers.

Asked over the socket first, because the live process also cancels what is open. When it does not answer, the kill file is
written here: a running process polls it, and the next one starts killed.
"""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, confirm, group, scope, yes
from gateway.core.values import DESK, SCOPE_ALL
from gateway.errors import (
    ConfigurationError,
    Denied,
    GatewayError,
    NotFound,
    NotReachable,
    PreconditionFailed,
    UnknownOutcome,
    UsageError,
)

kill = group("kill", "The kill switch.")

_TIMEOUT = 5.0
_ANSWERS = (Denied, NotFound, PreconditionFailed, UsageError)
"""What a gateway that works says; anything else is as good as silence when trading has to end."""


@command("engage", within=kill, example='gateway kill engage --scope venue:SIM --reason "runaway strategy"')
@scope
@asks(reason="required")
def engage(instance: Instance, scope: str, reason: str, request_id: str | None) -> None:
    """Close the gate in front of the wire, and cancel what is open.

    Without a gateway that answers, the kill file is written: a running process obeys it, and the next one starts killed.
    """
    try:
        answer = instance.ask("/kill", reason=reason, request_id=request_id, timeout=_TIMEOUT, scope=scope)
    except _ANSWERS:
        raise
    except GatewayError as error:
        _engage_file(instance, scope, reason, error)
        return
    sentence = f"kill switch engaged for {scope}: {output.cell(answer['detail'])}; cancels: {answer['cancelling']}"
    if answer["seq"] is None:
        output.say(f"warning: the gate is closed, but the core did not answer: {answer['detail'] or 'no detail'}")
    _tell(instance, answer | {"source": "gateway"}, sentence)


def _engage_file(instance: Instance, scope: str, reason: str, error: GatewayError) -> None:
    from gateway.control.requests import check_scope
    from gateway.venue.gate import KillGate

    check_scope(scope)
    unknown = _unknown(instance, scope)
    if unknown is not None:
        if _holder(instance) is None:
            raise NotFound(f"{unknown}; nothing was written: correct it, or engage `all`")
        output.say(f"WARNING: the configuration does not know what is to be stopped: {unknown}")
    gate = KillGate(instance.kill_file)
    gate.engage(scope, reason)
    holder = _holder(instance)
    if not isinstance(error, NotReachable):
        output.say(f"warning: {error}")
    if holder is not None:
        output.say(
            f"WARNING: a gateway RUNS ({holder}) and does not answer. It obeys the kill file when it sees it;"
            f" nobody has confirmed that. Check at the venue that nothing new arrives, and end {holder} if in doubt."
        )
    sentence = f"kill file written for {scope}: the next start will be killed until `gateway kill release`"
    _tell(instance, _offline(dict(gate.engaged)), sentence)


def _unknown(instance: Instance, scope: str) -> str | None:
    """Why a scope names nothing, as far as the configuration tells: it would stop nothing. Accounts are not declared."""
    try:
        configuration = instance.configuration.configuration
    except ConfigurationError:
        return None
    kind, _, name = scope.partition(":")
    known = {
        "venue": [venue.name for venue in configuration.venues],
        "strategy": [DESK, *(strategy.name for strategy in configuration.strategies)],
        "instrument": [instrument.symbol for instrument in configuration.instruments],
    }.get(kind)
    return None if known is None or name in known else f"there is no {kind} {name!r}; known: {', '.join(sorted(known))}"


def _holder(instance: Instance) -> str | None:
    """Who runs, as the journal tells. One that cannot be asked may have a gateway: better warned."""
    try:
        return instance.journal().holder()
    except GatewayError as error:
        output.say(f"warning: {error}")
        return "process unknown"


@command("release", within=kill, example='gateway kill release --scope venue:SIM --reason "strategy mended"')
@scope
@yes
@asks(reason="required")
def release(instance: Instance, scope: str, yes: bool, reason: str, request_id: str | None) -> None:
    """Open the gate again; asks for the scope to be typed."""
    confirm(scope, f"releasing the kill switch for {scope}", yes=yes)
    answer = instance.ask("/kill/release", reason=reason, request_id=request_id, scope=scope)
    if answer["seq"] is None:
        raise UnknownOutcome(f"{answer['detail'] or 'the core did not answer in time'}; look at `gateway kill status`")
    _tell(instance, answer | {"source": "gateway"}, f"kill switch released for {scope}")


@command("status", within=kill, example="gateway kill status")
@scope
def status(instance: Instance, scope: str) -> None:
    """What is killed, and why; from the kill file when the gateway does not answer.

    With --scope, only what stops new orders there: the scope itself, and `all`.
    """
    try:
        answer = instance.client(_TIMEOUT).get("/kill") | {"source": "gateway"}
    except NotReachable:
        from gateway.venue.gate import KillGate

        output.say(f"the gateway is not reachable: as the kill file {instance.kill_file} says")
        answer = _offline(dict(KillGate(instance.kill_file).engaged))
    engaged: dict[str, str] = answer["engaged"]
    if scope != SCOPE_ALL:
        engaged = answer["engaged"] = {name: why for name, why in engaged.items() if name in (scope, SCOPE_ALL)}
    lines = [f"{output.cell(scope)}: engaged ({output.cell(reason) or 'no reason given'})" for scope, reason in engaged.items()]
    _tell(instance, answer, *(lines or ["not engaged"]))


def _offline(engaged: dict[str, str]) -> dict[str, Any]:
    return {"engaged": engaged, "cancelling": 0, "seq": None, "detail": "", "source": "kill file"}


def _tell(instance: Instance, answer: dict[str, Any], *sentences: str) -> None:
    if instance.as_json:
        output.document(answer)
        return
    for sentence in sentences:
        click.echo(sentence)
