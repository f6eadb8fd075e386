"""New sequence numbers: the session logs on with them or with the old ones, and never while they are about to change."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from gateway.control.surface import SessionRequest
from gateway.errors import PreconditionFailed, UnknownOutcome
from gateway.runtime.session_control import SessionControl
from gateway.testing.harness import SESSION, VENUE, Harness


class Link:
    enabled = True
    logged_on = False

    def logon(self):
        self.enabled = True

    def logout(self):
        self.enabled = False

    def drop(self):
        pass


class Scene:
    """A session that is down, and a runtime that answers the second request with `outcome`."""

    def __init__(self, outcome):
        self.harness = Harness().open()
        self.link, self.renumbered, self.later = Link(), [], None
        self.adapter = SimpleNamespace(venue=VENUE, session=SESSION, link=self.link, down=True, renumber=self.renumber)
        planned = {VENUE: "the new numbers"}
        core = SimpleNamespace(state=SimpleNamespace(control=SimpleNamespace(planned=planned)))
        runtime = SimpleNamespace(adapters={VENUE: self.adapter}, submit=self.submit, core=core, turned=threading.Condition())
        self.outcome = outcome
        self.control = SessionControl(runtime)

    def renumber(self, planned):
        self.renumbered.append((planned, self.link.enabled))

    def submit(self, event, timeout, after=None):
        if after is None:
            return self.harness.feed(event)
        self.later = after
        raise self.outcome

    def reset(self):
        self.control.act(SessionRequest(request_id="r", venue=VENUE, action="reset"), "me")


def test_nobody_logs_on_while_the_numbers_may_still_change():
    scene = Scene(UnknownOutcome("the journal hangs"))
    with pytest.raises(UnknownOutcome):
        scene.reset()
    assert not scene.link.enabled
    scene.later()
    assert scene.renumbered == [("the new numbers", False)]
    assert scene.link.enabled


def test_a_change_that_was_refused_leaves_the_session_as_it_was():
    scene = Scene(PreconditionFailed("not now"))
    with pytest.raises(PreconditionFailed):
        scene.reset()
    assert scene.link.enabled
    assert not scene.renumbered
