"""The language of `gateway log grep`: what matches, and where an expression is wrong."""

from __future__ import annotations

import pytest
from fixlog_layouts import fix, head, session

from gateway.errors import UsageError
from gateway.fixlogs.expression import Expression

LOGON, _, ORDER, ACCEPTED, PARTIAL, FILLED, CANCEL, _, NEWS, _ = session()
BOOK = fix(head("W", 1, 0) + "55=USD/JPY|268=2|269=0|270=110.1|271=5|269=1|270=110.3|271=7|")
SEVEN = fix(head("8", 7, 0).replace("34=7", "34=0007") + "11=07|44=-0.50|58=(a|60=20240102-10:00:07.123456789|")


@pytest.mark.parametrize(
    ("text", "message", "matches"),
    [
        ("35=8", ACCEPTED, True),
        ("35=8", ORDER, False),
        ("35=8 and 150=F and 55~^USD and 38>999", FILLED, True),
        ("35=8 and 150=F and 55~^USD and 38>1000", FILLED, False),
        ("35=8 and (150=0 or 150=F)", PARTIAL, True),
        ("35=8 AND NOT 39=2", FILLED, False),
        ("not 35=8 or 39=2", FILLED, True),
        ("not (35=8 and 39=1)", FILLED, True),
        ("44", ORDER, True),
        ("not Price", ORDER, False),
        ("44", FILLED, False),
        ("MsgType=ExecutionReport", FILLED, True),
        ("msgtype = newordersingle and side = BUY", ORDER, True),
        ("Side=sell", ORDER, False),
        ("Side!=sell", ORDER, True),
        ("58=too late", session()[7], False),  # refused below: `late` is no field
        ('58="too late"', session()[7], True),
        ("58='too late'", session()[7], True),
        ("58!~late", session()[7], False),
        ("58~(?i)LATE", session()[7], True),
        ("58=café", FILLED, True),
        ("58~^caf.$", FILLED, True),
        ("44>=110.25 and 44<=110.250", ORDER, True),
        ("44<110.25", ORDER, False),
        ("44>abc", ORDER, False),
        ("52>20240102-10:00:01 and 52<20240102-10:00:03", ORDER, True),
        # One number, however it is written; but ids are no numbers.
        ("44=110.250 and 38=1000.0", ORDER, True),
        ("44!=110.2500", ORDER, False),
        ("44=110.2", ORDER, False),
        ("34=002", ORDER, True),
        ("11=7", SEVEN, False),
        ("34=7 and 44=-0.5", SEVEN, True),
        # One time, however it is written.
        ("52>20240102-10:00:02", ORDER, False),
        ("52=20240102-10:00:02.000 and 52<=20240102-10:00:02 and 52>=2024-01-02T10:00:02Z", ORDER, True),
        ("52>=20240102 and 52<2024-01-03", ORDER, True),
        ("52<2024-01-02T19:00:03+09:00", ORDER, True),
        ("60>2024-01-02T10:00:07.123456788Z", SEVEN, True),
        ("60>2024-01-02T10:00:07.123456789Z", SEVEN, False),
        ("OrdStatus=PartiallyFilled and ExecType=trade", PARTIAL, True),
        ("58~\\(a", SEVEN, True),
        ('58="="', ORDER, False),
        ("8=FIX.4.4", ORDER, True),
        ("8~^FIX", ORDER, True),
        ("8=FIX.4.2", ORDER, False),
        ("9>50 and 10", ORDER, True),
        ("269=1 and 270>110.2", BOOK, True),
        ("270=110.3", BOOK, True),
        ("271!=5", BOOK, False),
        ("99999999999=1", ORDER, False),
        # Data that looks like fields is data.
        ("10=000", NEWS, False),
        ("10!=000", NEWS, True),
        ("not 10=000", NEWS, True),
        ("96~c.d$", NEWS, True),
        ("95=14", NEWS, True),
        ("35=B and 148=news", NEWS, True),
        ("148", NEWS, True),
    ],
)
def test_what_matches(text: str, message: bytes, matches: bool) -> None:
    if text == "58=too late":
        with pytest.raises(UsageError, match="column 8"):
            Expression(text)
    else:
        assert Expression(text).matches(message) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("35=8 and", "column 9: expected a field, `not` or `\\(`, found the end"),
        ("and 35=8", "column 1: expected a field"),
        ("35=8 55=x", "column 6: expected `and`, `or` or the end, found '55=x'"),
        ("(35=8", "column 6: expected `\\)`"),
        ("35=8)", "column 5: expected `and`"),
        ("35=", "column 4: expected a value after ="),
        ("35 ~ ", "expected a value after ~"),
        ("NoSuchField=1", "column 1: no version of FIX has a field 'NoSuchField'"),
        ("35=8 and Foo>1", "column 10: no version"),
        ("55~[a", "column 4: not a regular expression"),
        ("58='open", "column 4: expected a value after ="),
        ("35=8 and =", "column 10: expected a field"),
        ("(" * 200 + "35=8", "too deeply nested"),
        ("not " * 200 + "35=8", "too deeply nested"),
        ("55=a\x01b", "holds no SOH"),
        ("35==8", "column 3: no operator =="),
        ("35<>8", "column 3: no operator <>"),
        ("38>1,000", "column 4: a number is written without commas"),
        ('58~"x[a"', "column 6: not a regular expression"),
        ("58~a|(b c)", "column 6: expected .*; a value with blanks or parentheses is quoted"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Expression(text)


def test_a_word_that_no_version_knows_is_said() -> None:
    assert Expression("54=buyy or 54=buy or 54!=9 or 55=EUR/USD").notes == (
        "no version of FIX knows a value 'buyy' of 54; it is looked for as it stands",
    )
