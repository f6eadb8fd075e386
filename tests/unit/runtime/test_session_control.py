"""New sequence numbers: the session logs on with them or with the old ones, and never while they are about to change."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from gateway.control.surface import SessionRequest
from gateway.errors import PreconditionFailed, UnknownOutcome
from gateway.runtime.session_control import SessionControl
from gateway.testing.harness import SESSION, VENUE, Harness
from gateway.venue.schedule import Schedule


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
        self.meanwhile = lambda: None
        self.adapter = SimpleNamespace(venue=VENUE, session=SESSION, link=self.link, down=True, renumber=self.renumber)
        self.adapter.schedule = Schedule(self.adapter, None)
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
        self.meanwhile()
        raise self.outcome

    def reset(self):
        self.ask("reset")

    def ask(self, action):
        self.control.act(SessionRequest(request_id=action, venue=VENUE, action=action), "me")


def test_nobody_logs_on_while_the_numbers_may_still_change():
    scene = Scene(UnknownOutcome("the journal hangs"))
    with pytest.raises(UnknownOutcome):
        scene.reset()
    assert not scene.link.enabled
    scene.later()
    assert scene.renumbered == [("the new numbers", False)]
    assert scene.link.enabled


def test_an_operator_logs_nobody_on_while_the_numbers_change():
    scene = Scene(UnknownOutcome("the journal hangs"))

    def meanwhile():
        with pytest.raises(PreconditionFailed, match="being changed by another request"):
            scene.ask("logon")
        assert not scene.link.enabled

    scene.meanwhile = meanwhile
    with pytest.raises(UnknownOutcome):
        scene.reset()


def test_an_operator_who_logs_out_while_the_numbers_change_is_not_overruled():
    scene = Scene(UnknownOutcome("the journal hangs"))
    with pytest.raises(UnknownOutcome):
        scene.reset()
    scene.ask("logout")
    scene.later()
    assert scene.renumbered
    assert not scene.link.enabled


def test_a_change_that_was_refused_leaves_the_session_as_it_was():
    scene = Scene(PreconditionFailed("not now"))
    with pytest.raises(PreconditionFailed):
        scene.reset()
    assert scene.link.enabled
    assert not scene.renumbered
