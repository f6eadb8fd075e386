"""The kill switch as an operator works it: the gate first, then the event, then what the core makes of it.

Engaging needs neither core nor journal, and neither of them waits for the disk of the kill file; releasing needs both, because
it is the event that opens the gate.
"""

from __future__ import annotations

import logging
import threading

from gateway.control.requests import check_scope
from gateway.control.surface import Kill, KillAnswer
from gateway.core.events import KillEngaged, KillReleased
from gateway.errors import PreconditionFailed, UnknownOutcome
from gateway.runtime.emergency import STUCK_SECONDS
from gateway.runtime.requests import APPLY_SECONDS, cancels, position, require_scope
from gateway.runtime.runtime import Runtime
from gateway.venue.gate import KillGate

_log = logging.getLogger(__name__)
_KILL_SECONDS = 1.0
"""How long to wait for the core's part; the gate is closed by then."""
_EMERGENCY = (
    f"if it is stuck for {STUCK_SECONDS:g} s the venues' adapters cancel by themselves, in a pair only"
    " while the lease on the journal is confirmed; see `gateway status`"
)


class KillSwitch:
    """Any thread."""

    def __init__(self, runtime: Runtime, gate: KillGate) -> None:
        self._runtime = runtime
        self._gate = gate
        self._releasing = threading.Lock()

    def engage(self, request: Kill, actor: str) -> KillAnswer:
        """Close the gate. What the core does not confirm in time is said, not raised. Raises NotFound for the scope."""
        require_scope(self._runtime.core.state, request.scope)
        self._gate.close(request.scope, request.reason)
        event = KillEngaged(actor=actor, reason=request.reason, request_id=request.request_id, scope=request.scope)
        applied = self._runtime.hand_in(event)  # its cancels leave while the disk takes its time
        problem = ""
        try:
            self._gate.keep()
        except PreconditionFailed as error:
            problem = f"; the gate is closed in this process only: {error}"
            _log.critical("%s", error)
        try:
            step = applied(_KILL_SECONDS)
        except (UnknownOutcome, PreconditionFailed):
            detail = f"the gate is closed; the core does not answer: {_EMERGENCY}" + problem
            return KillAnswer(engaged=dict(self._gate.engaged), detail=detail)
        with self._releasing:  # a release that was decided before this may have opened the gate since
            if request.scope not in self._gate.engaged:
                self._gate.engage(request.scope, request.reason)
        detail = "gate closed" + problem
        return KillAnswer(engaged=dict(self._gate.engaged), cancelling=cancels(step), seq=position(step), detail=detail)

    def release(self, request: Kill, actor: str) -> KillAnswer:
        """Open the gate by an event. Raises PreconditionFailed when it is not closed, or closed again; UnknownOutcome."""
        check_scope(request.scope)
        state = self._runtime.core.state
        if request.scope not in self._gate.engaged and request.scope not in state.control.killed:
            raise PreconditionFailed(f"the kill switch is not engaged for {request.scope}; engaged: {self._engaged()}")
        event = KillReleased(actor=actor, reason=request.reason, request_id=request.request_id, scope=request.scope)
        times = self._gate.times(request.scope)

        def open_gate() -> None:
            """With the release durable and before what a strategy makes of it is sent: else the gate would stop all that."""
            if request.scope not in state.control.killed:
                self._gate.release(request.scope, times)

        with self._releasing:
            step = self._runtime.submit(event, APPLY_SECONDS, open_gate)
            if request.scope in state.control.killed or request.scope in self._gate.engaged:
                raise PreconditionFailed(
                    f"the kill switch stays engaged for {request.scope}: it was engaged again since this request; "
                    "release it with a request of its own"
                )
        return KillAnswer(engaged=dict(self._gate.engaged), seq=position(step), detail="released")

    def status(self) -> KillAnswer:
        """Scopes and reasons, of the file and of the journal: engaged if either says so."""
        state = self._runtime.core.state
        return KillAnswer(engaged={**state.control.killed, **self._gate.engaged}, seq=self._runtime.durable_seq)

    def _engaged(self) -> str:
        return ", ".join(sorted({*self._gate.engaged, *self._runtime.core.state.control.killed})) or "nothing"
