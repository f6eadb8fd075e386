"""Risk: is this allowed? Allow, or deny with a code, a reason with numbers, and a source.

Every NEW and every REPLACE passes every control, in the order of `CONTROLS`; the first that objects is the answer. A control
that raises denies (`rule_error`), one that lacks a price or a rate to compare with denies (`no_reference`, `no_rate`). Controls
never schedule, delay or change anything. Cancels are never denied.

Limits come from the configuration by scope (all, venue, strategy, account, instrument). Every scope that sets a limit is
checked: a narrower scope can tighten a limit, never loosen it. Exposure counts from approval: queued orders count as open, and
an order that is being replaced counts at the larger of old and new.
"""

from __future__ import annotations

import msgspec

from gateway.core.orders import Command
from gateway.core.risk.basis import Undecidable, limits_by_name
from gateway.core.risk.controls import CODES, CONTROLS, OTHER_CODES, PRECONDITIONS, REACTIONS, Control, Reaction
from gateway.core.state import State


class Denial(msgspec.Struct, frozen=True):
    """`code` is one of `CODES`; `reason` is for people, with the numbers."""

    code: str
    reason: str


def check(state: State, command: Command) -> Denial | None:
    """The first objection, or None when the order may go."""
    configured = limits_by_name(state, command).keys()
    for control in CONTROLS:
        if control.limits and configured.isdisjoint(control.limits):
            continue  # nobody set it
        try:
            reason = control.check(state, command)
        except Undecidable as missing:
            return Denial(missing.code, f"{control.code} {missing.lacks}")
        except Exception as error:  # noqa: BLE001 - whatever goes wrong inside a rule, the order must not pass it
            return Denial("rule_error", f"{control.code}: {type(error).__name__}: {error}")
        if reason is not None:
            return Denial(control.code, reason)
    return None


__all__ = ["CODES", "CONTROLS", "OTHER_CODES", "PRECONDITIONS", "REACTIONS", "Control", "Denial", "Reaction", "check"]
