"""A number that is too low ends a session, at once and every time: what the other side expects, and the command that mends it.

The side that expects more says so in the Text(58) of its Logout(5); the engines in use write the expected number first. Only an
operator can know which side has lost its numbers, so nothing is changed here: it is said.
"""

from __future__ import annotations

import re

_TOO_LOW = re.compile(r"too low\D{0,40}([0-9]{1,18})(?:\D{1,40}([0-9]{1,18}))?", re.IGNORECASE)


def of_ours(text: str, venue: str) -> str:
    """What to do when the venue says (`text`) that our number is too low for it; "" when it does not say that."""
    found = _TOO_LOW.search(text)
    if found is None:
        return ""
    command = f'gateway session set-seq {venue} --next-sender {found[1]} --reason "..."'
    return f"; the venue expects MsgSeqNum(34)={found[1]} of us: if it is right, {command}"


def of_theirs(text: str, venue: str) -> str:
    """What to do when our engine says (`text`) that the venue's number is too low for us; "" when it does not say that."""
    found = _TOO_LOW.search(text)
    if found is None or found[2] is None:
        return ""
    command = f'gateway session set-seq {venue} --next-target {found[2]} --reason "..."'
    return f"; the venue sends MsgSeqNum(34)={found[2]} where {found[1]} is due: if it has lost its numbers, {command}"
