"""Odd reports one by one: what is certain is applied, what is not is said, nothing is lost."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    Event,
    ExecutionEvent,
    FillBusted,
    FillCorrected,
    Filled,
    Rejected,
    ReplaceRejected,
    StatusReported,
    Untranslated,
)
from gateway.core.values import Side
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.strict import MAX_DEVIATIONS, strict_dictionary

ODD = tomllib.loads((Path(__file__).parent / "odd_reports.toml").read_text())
BASE = ODD["base"]


def changed(report) -> str:
    """The base report as `report` describes it."""
    fields = [piece.partition("=") for piece in BASE.removesuffix("|").split("|")]
    dropped, new = [str(tag) for tag in report.get("drop", [])], report.get("set", {})
    kept = [f"{tag}={new.get(tag, value)}" for tag, _, value in fields if tag not in dropped]
    return "|".join(kept) + "|" + report.get("append", "")


def only(decoder: Decoder, raw: str) -> Event:
    (event,) = decoder.decode(raw, 99).events
    return event


@pytest.mark.parametrize("report", ODD["report"], ids=lambda report: report["name"])
def test_odd_reports(decoder, fix, report):
    raw = fix(changed(report))
    event = only(decoder, raw)
    assert isinstance(event, ExecutionEvent)
    assert event.kind() == report["kind"]
    if "says" in report:
        assert report["says"] in event.deviations
        assert event.raw == raw.replace("\x01", "|")
    else:
        assert event.deviations == ()
        assert event.raw is None
    if isinstance(event, Filled):
        assert (event.last_qty, event.last_px) == (Decimal(10), Decimal("150.25"))
    else:
        assert event.cum_qty == (Decimal(10) if 14 not in report.get("drop", []) else None)


def test_a_good_report_says_all_it_knows(decoder, fix):
    event = only(decoder, fix(BASE + "41=1-0|58=hello|75=20240101|"))
    assert event == Filled(
        venue="SIM",
        session="DESK-SIM",
        msg_seq_num=12,
        venue_time_ns=1704190272_123000000,
        received_ns=99,
        cl_ord_id="1-1",
        orig_cl_ord_id="1-0",
        venue_order_id="V1",
        exec_id="E1",
        exec_type="F",
        ord_status="1",
        symbol="USD/JPY",
        side=Side.BUY,
        order_qty=Decimal(100),
        price=Decimal("150.25"),
        cum_qty=Decimal(10),
        leaves_qty=Decimal(90),
        avg_px=Decimal("150.25"),
        account="ACC",
        text="hello",
        last_qty=Decimal(10),
        last_px=Decimal("150.25"),
        trade_date="20240101",
    )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("0", "0", "accepted"), ("1", "1", "filled"), ("2", "2", "filled"), ("3", "3", "done_for_day"), ("4", "4", "cancelled"),
        ("5", "0", "replaced"), ("6", "6", "pending_cancel"), ("7", "7", "suspended"), ("8", "8", "rejected"),
        ("9", "9", "suspended"), ("A", "A", "pending_new"), ("B", "B", "suspended"), ("C", "C", "expired"),
        ("D", "0", "restated"), ("E", "E", "pending_replace"), ("F", "1", "filled"), ("I", "1", "status_reported"),
    ],
)  # fmt: skip
def test_exec_types(decoder, fix, code, status, kind):
    event = only(decoder, fix(changed({"set": {"150": code, "39": status}})))
    assert event.kind() == kind


def test_corrections_and_busts_name_the_execution(decoder, fix):
    corrected = only(decoder, fix(changed({"set": {"150": "G"}, "append": "19=E0|"})))
    assert isinstance(corrected, FillCorrected)
    assert (corrected.exec_ref_id, corrected.last_qty, corrected.trade_date) == ("E0", Decimal(10), "20240102")
    busted = only(decoder, fix(changed({"set": {"150": "H"}, "append": "19=E0|", "drop": [32, 31]})))
    assert isinstance(busted, FillBusted)
    assert (busted.exec_ref_id, busted.deviations) == ("E0", ())


def test_the_trade_date_falls_back(decoder, fix):
    assert only(decoder, fix(BASE + "75=2024-1-1|")).trade_date == "20240102"
    assert only(decoder, fix(changed({"drop": [60]}))).venue_time_ns == 1704190273_000000000
    nowhere = fix(changed({"drop": [60]})).replace("52=20240102-10:11:13.000", "52=?")
    assert (only(decoder, nowhere).trade_date, only(decoder, nowhere).venue_time_ns) == ("", None)


def test_a_resend_is_the_trade_it_was_at_first(decoder, fix):
    """Without TransactTime(60) and TradeDate(75), sent again after midnight."""
    first = fix(changed({"drop": [60]}))
    again = first.replace("52=20240102-10:11:13.000", "43=Y\x01122=20240102-10:11:13.000\x0152=20240103-00:00:01.000")
    one, two = only(decoder, first), only(decoder, again)
    assert (two.trade_date, two.venue_time_ns, two.poss_dup) == (one.trade_date, one.venue_time_ns, True)


@pytest.mark.parametrize(("status", "drop"), [("1", [14, 32]), ("2", [32])])
def test_what_cannot_be_believed_as_it_stands_is_no_status_answer(decoder, fix, status, drop):
    event = only(decoder, fix(changed({"drop": drop, "set": {"39": status}})))
    assert (event.kind(), event.believed) == ("status_reported", False)
    answer = only(decoder, fix(changed({"drop": drop, "set": {"39": status}, "append": "790=S1-1|"})))
    assert (answer.kind(), answer.believed) == ("status_reported", True)


def test_a_reject_says_why(decoder, fix):
    event = only(decoder, fix("37=NONE|11=1-1|17=E1|150=8|39=8|103=3|54=1|55=X|151=0|14=0|6=0|58=limit 5|"))
    assert isinstance(event, Rejected)
    assert event.reason == "order exceeds limit: limit 5"
    assert event.venue_order_id is None


@pytest.mark.parametrize(
    ("exec_type", "extra", "kind", "unknown"),
    [
        ("I", "", StatusReported, True),
        ("8", "790=Q1|", StatusReported, True),
        ("8", "", Rejected, False),
    ],
)
def test_an_order_the_venue_does_not_know(decoder, fix, exec_type, extra, kind, unknown):
    event = only(decoder, fix(f"37=NONE|11=1-1|17=0|150={exec_type}|39=8|103=5|54=7|55=X|151=0|14=0|6=0|{extra}"))
    assert type(event) is kind
    assert getattr(event, "unknown", False) is unknown


def test_a_rejected_order_in_a_status_report_is_known(decoder, fix):
    event = only(decoder, fix("37=V1|11=1-1|17=0|150=I|39=8|103=3|54=1|55=X|151=0|14=0|6=0|"))
    assert event.unknown is False


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("17=E1|150=F|39=1|54=1|55=X|32=1|31=1|14=1|151=0|6=1|", "no order is named"),
        ("37=NONE|11=|41=NONE|150=F|39=1|", "no order is named"),
        ("37=V1|11=1-1|17=E1|", "neither ExecType"),
        ("37=V1|11=1-1|17=E1|150=Z|39=Z|14=abc|", "neither ExecType"),
    ],
)
def test_what_says_nothing_certain_is_kept_raw(decoder, fix, body, why):
    event = only(decoder, fix(body))
    assert isinstance(event, Untranslated)
    assert why in event.detail
    assert (event.msg_type, event.msg_seq_num, event.raw) == ("8", 12, fix(body).replace("\x01", "|"))


@pytest.mark.parametrize(("to", "kind"), [("1", CancelRejected), ("2", ReplaceRejected), ("7", CancelRejected)])
def test_cancel_rejects(decoder, fix, to, kind):
    event = only(decoder, fix(f"37=V1|11=1-2|41=1-1|39=2|434={to}|102=0|58=too late|", msg_type="9"))
    assert type(event) is kind
    assert (event.cl_ord_id, event.orig_cl_ord_id, event.ord_status, event.cxl_rej_reason) == ("1-2", "1-1", "2", "0")
    assert (event.deviations != ()) is (to == "7")


def test_possible_duplicates_are_marked(decoder, fix):
    assert only(decoder, fix(BASE).replace("\x0152=", "\x0143=Y\x0152=")).poss_dup
    assert only(decoder, fix(BASE + "97=Y|")).poss_dup


def test_a_flood_of_deviations_is_cut(decoder, fix):
    event = only(decoder, fix(BASE + "".join(f"{tag}=x|" for tag in range(7000, 7100))))
    assert len(event.deviations) == MAX_DEVIATIONS + 1
    assert event.deviations[-1] == "and 80 more"


def test_bytes_that_are_not_utf8_can_still_be_stored(decoder, fix):
    raw = fix(BASE + "58=zur\xfcck|").encode("latin-1").decode("utf-8", "surrogateescape")
    event = only(decoder, raw)
    assert event.text == "zurück"
    msgspec.json.encode(event)


class TestFix42:
    """ExecTransType(20), and fills as ExecType(150) 1 and 2."""

    @pytest.fixture
    def decoder(self):
        return Decoder(load_dialect("generic-fix42"), strict_dictionary("generic-fix42"), "OLD", "S")

    @pytest.mark.parametrize(
        ("trans", "code", "status", "kind"),
        [
            ("0", "1", "1", Filled), ("0", "2", "2", Filled), ("0", "0", "0", Accepted), ("0", "4", "4", Cancelled),
            ("1", "1", "1", FillBusted), ("2", "2", "2", FillCorrected), ("3", "1", "1", StatusReported),
        ],
    )  # fmt: skip
    def test_trans_type_rules(self, decoder, fix, trans, code, status, kind):
        body = changed({"set": {"150": code, "39": status}, "append": f"20={trans}|19=E0|"})
        event = only(decoder, fix(body, begin="FIX.4.2"))
        assert type(event) is kind
        if status != "2":
            assert event.deviations == ()

    def test_an_ack_that_calls_itself_a_fill_is_no_fill(self, decoder, fix):
        body = changed({"set": {"150": "2", "39": "0", "32": "0", "31": "0", "14": "0", "151": "100"}, "append": "20=0|"})
        event = only(decoder, fix(body, begin="FIX.4.2"))
        assert isinstance(event, StatusReported)
        assert event.deviations == ("a trade with LastShares(32)=0",)


def test_fix50sp2_reads_the_same(fix):
    decoder = Decoder(load_dialect("generic-fix50sp2"), strict_dictionary("generic-fix50sp2"), "NEW", "S")
    event = only(decoder, fix(BASE + "1057=Y|", begin="FIXT.1.1"))
    assert isinstance(event, Filled)
    assert event.deviations == ()


TAGS = st.sampled_from(
    [
        1, 6, 10, 11, 14, 17, 19, 20, 31, 32, 35, 37, 38, 39, 41, 44, 45, 55, 54, 58, 60, 75, 95, 96, 103, 150, 151, 262, 268,
        269, 270, 271, 272, 273, 278, 279, 280, 354, 355, 372, 373, 382, 434, 448, 453, 9999,
    ]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=8), st.sampled_from(["0", "1", "2", "F", "8", "NaN", "1e5", "-1", "10.5", "", "20240102-10:11:12"])
)


@given(st.sampled_from(["8", "9", "W", "X", "Y", "3", "j", "0", "h", "D", "?", ""]), st.lists(st.tuples(TAGS, VALUES)))
def test_nothing_a_venue_sends_raises(msg_type, fields):
    decoder = Decoder(load_dialect("generic-fix44"), strict_dictionary("generic-fix44"), "SIM", "S")
    raw = "".join(f"{tag}={value}\x01" for tag, value in [(8, "FIX.4.4"), (35, msg_type), *fields])
    for event in decoder.decode(raw, 1).events:
        msgspec.json.encode(event)
        for name in ("last_qty", "last_px", "cum_qty", "price"):
            value = getattr(event, name, None)
            assert value is None or value.is_finite()


@given(st.text())
def test_arbitrary_text_never_raises(raw):
    decoder = Decoder(load_dialect("generic-fix44"), strict_dictionary("generic-fix44"), "SIM", "S")
    for event in decoder.decode(raw, 1).events:
        msgspec.json.encode(event)
