"""Everything that is not an execution report or market data."""

from __future__ import annotations

import pytest

from gateway.core.events import CancelRejected, Rejected, ReplaceRejected, SessionNotice, Untranslated
from gateway.fix.decoder import rejected_by_reference


@pytest.mark.parametrize("msg_type", [*"01245A", "h", "f"])
def test_session_messages_and_harmless_ones_yield_nothing(decoder, fix, msg_type):
    decoded = decoder.decode(fix("58=x|", msg_type=msg_type), 5)
    assert decoded.events == ()
    assert (decoded.msg_type, decoded.msg_seq_num, decoded.sending_ns) == (msg_type, 12, 1704190273_000000000)


@pytest.mark.parametrize("msg_type", ["B", "AE", "D", "zz", ""])
def test_other_messages_are_kept_raw(decoder, fix, msg_type):
    (event,) = decoder.decode(fix("554=secret|58=x|", msg_type=msg_type), 5, epoch=3).events
    assert isinstance(event, Untranslated)
    assert (event.msg_type, event.epoch, event.msg_seq_num) == (msg_type, 3, 12)
    assert "secret" not in event.raw
    assert "554=***" in event.raw


def test_what_is_not_fix_is_kept_raw(decoder):
    (event,) = decoder.decode("GET / HTTP/1.1", 5).events
    assert isinstance(event, Untranslated)
    assert (event.raw, event.msg_type) == ("GET / HTTP/1.1", "")
    assert "not a tag number" in event.detail


def test_a_session_reject_names_our_message(decoder, fix):
    decoded = decoder.decode(fix("45=77|371=55|372=D|373=1|58=bad symbol|", msg_type="3"), 5, epoch=2)
    (event,) = decoded.events
    assert event == SessionNotice(
        venue="SIM",
        session="DESK-SIM",
        epoch=2,
        event="reject",
        detail="RefSeqNum(45)=77 RefMsgType(372)=D RefTagID(371)=55: required tag missing: bad symbol",
        msg_seq_num=12,
    )
    assert (decoded.ref_seq_num, decoded.ref_msg_type) == (77, "D")


def test_a_business_reject_names_our_request(decoder, fix):
    decoded = decoder.decode(fix("45=77|372=F|379=1-2|380=4|58=closed|", msg_type="j"), 5)
    (event,) = decoded.events
    assert isinstance(event, SessionNotice)
    assert event.event == "business_reject"
    assert event.detail.endswith("application not available: closed")
    assert (decoded.ref_seq_num, decoded.business_reject_ref_id) == (77, "1-2")


@pytest.mark.parametrize(("msg_type", "kind"), [("D", Rejected), ("F", CancelRejected), ("G", ReplaceRejected)])
def test_rejected_by_reference(decoder, fix, msg_type, kind):
    decoded = decoder.decode(fix("45=77|373=1|58=bad|", msg_type="3"), 5)
    event = rejected_by_reference(decoded, cl_ord_id="1-7", msg_type=msg_type)
    assert type(event) is kind
    assert (event.cl_ord_id, event.msg_seq_num, event.received_ns, event.venue) == ("1-7", 12, 5, "SIM")
    assert event.text == "RefSeqNum(45)=77: required tag missing: bad"


def test_only_rejects_of_orders_reject_orders(decoder, fix):
    reject = decoder.decode(fix("45=77|", msg_type="3"), 5)
    assert rejected_by_reference(reject, cl_ord_id="1-7", msg_type="V") is None
    assert rejected_by_reference(decoder.decode(fix("", msg_type="0"), 5), cl_ord_id="1-7", msg_type="D") is None
