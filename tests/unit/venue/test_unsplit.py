"""Which messages are taken that the engine could not split."""

from __future__ import annotations

from gateway.venue.unsplit import as_it_came, sound

SOH = "\x01"


def framed(body: str) -> str:
    text = f"8=FIX.4.4|9={len(body)}|{body}".replace("|", SOH)
    return f"{text}10={sum(text.encode('utf-8', 'surrogateescape')) % 256:03d}{SOH}"


def taken(raw: str) -> bool:
    return sound(raw, "SIM", "DESK") is not None


DATA = framed("35=8|49=SIM|56=DESK|34=7|11=x|354=3|355=a|b|")


def test_data_that_holds_soh_is_sound():
    message = sound(DATA, "SIM", "DESK")
    assert message is not None
    assert message.msg_seq_num == 7
    assert message.get(355) == f"a{SOH}b"
    assert taken(framed("35=8|49=SIM|56=DESK|34=7|58=\udcff|354=3|355=a|b|"))  # a byte that is no UTF-8


def test_what_is_damaged_or_not_for_us_is_left_to_the_engine():
    assert not taken(DATA.replace("11=x", "11=y"))
    assert not taken(DATA[:-1])
    assert not taken("")
    assert not taken(framed("35=8|49=ALT|56=DESK|34=7|354=3|355=a|b|"))
    assert not taken(framed("35=A|49=SIM|56=DESK|34=7|95=3|96=a|b|"))
    assert not taken(framed("35=8|49=SIM|56=DESK|34=7|354=1|355=a|b|"))  # garbled: the length says nothing of it
    assert not taken(framed("35=8|49=SIM|56=DESK|34=7|11=x|"))


def test_fields_that_are_only_in_data_are_no_fields_of_the_message():
    came = framed("35=8|49=SIM|56=DESK|34=7|11=x|354=6|355=a|31=5|")
    split = "8=FIX.4.4|9=1|35=8|34=7|49=SIM|56=DESK|11=x|31=5|354=6|355=a|10=000|".replace("|", SOH)
    assert as_it_came(split, [framed("35=0|49=SIM|56=DESK|34=8|"), came], "SIM", "DESK") == came
    assert as_it_came(split, [came.replace("34=7", "34=8")], "SIM", "DESK") == split
    assert as_it_came(split, [came.replace("11=x", "11=y")], "SIM", "DESK") == split, "damaged"
    plain = split.replace("354=6", "58=b")
    assert as_it_came(plain, [came], "SIM", "DESK") == plain
