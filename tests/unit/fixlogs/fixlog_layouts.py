"""A session of FIX messages, and the ten ways logs write it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

SOH = "\x01"
ARROWS = (b"<<", b">>")


def fix(body: str, *, begin: str = "FIX.4.4") -> bytes:
    """A message with the right length and checksum around `body`, in which `|` stands for SOH."""
    inner = body.replace("|", SOH).encode("latin-1")
    message = b"8=%s\x019=%d\x01" % (begin.encode(), len(inner)) + inner
    return message + b"10=%03d\x01" % (sum(message) % 256)


def head(kind: str, number: int, second: int, sender: str = "DESK", target: str = "SIM") -> str:
    return f"35={kind}|34={number}|49={sender}|52=20240102-10:00:{second:02d}.000|56={target}|"


def session() -> list[bytes]:
    """Both directions of one short session: an order filled in two, a cancel that comes too late, data with SOH in it."""
    venue = ("SIM", "DESK")
    order = "37=V1|11=A-1|55=USD/JPY|54=1|38=1000|"
    return [
        fix(head("A", 1, 0) + "98=0|108=30|554=secret|"),
        fix(head("A", 1, 1, *venue) + "98=0|108=30|"),
        fix(head("D", 2, 2) + "11=A-1|21=1|55=USD/JPY|54=1|60=20240102-10:00:02|38=1000|40=2|44=110.25|"),
        fix(head("8", 2, 3, *venue) + "37=V1|11=A-1|17=E1|150=0|39=0|55=USD/JPY|54=1|38=1000|151=1000|14=0|6=0|"),
        fix(head("8", 3, 4, *venue) + order + "17=E2|150=F|39=1|32=400|31=110.25|151=600|14=400|6=110.25|"),
        fix(head("8", 4, 5, *venue) + order + "17=E3|150=F|39=2|32=600|31=110.20|151=0|14=1000|6=110.22|58=caf\xe9|"),
        fix(head("F", 3, 6) + "41=A-1|11=A-2|55=USD/JPY|54=1|60=20240102-10:00:06|38=1000|"),
        fix(head("9", 5, 7, *venue) + "37=V1|11=A-2|41=A-1|39=2|434=1|102=0|58=too late|"),
        fix(head("B", 6, 8, *venue) + "148=news|33=1|58=x|95=14|96=a|10=000|b=c|d|"),
        fix(head("5", 4, 9) + "58=bye|"),
    ]  # fmt: skip


def visible(message: bytes, separator: bytes) -> bytes:
    return message.replace(b"\x01", separator)


def outgoing(message: bytes) -> bool:
    return b"\x0149=DESK\x01" in message


def _lines(messages: list[bytes], form: Callable[[int, bytes], bytes]) -> bytes:
    return b"".join(form(number, message) for number, message in enumerate(messages))


def layouts() -> dict[str, bytes]:
    """Name -> the session as a log of that layout. `wrapped` and `pipe` cannot write the data message, which holds SOH."""
    whole, plain = session(), [message for message in session() if b"\x0195=" not in message]
    return {
        "quickfix-c++": _lines(whole, lambda n, m: b"20240102-10:00:%02d.000000000 : " % n + m + b"\n"),
        "quickfix-j": _lines(
            plain,
            lambda n, m: b"<20240102-10:00:%02d, FIX.4.4:DESK->SIM, %s> (" % (n, b"outgoing" if outgoing(m) else b"incoming")
            + m
            + b")\n",
        ),
        "quickfix-n": _lines(plain, lambda n, m: b"20240102-10:00:%02d.000 : " % n + m.rstrip(b"\x01") + b"\x01\r\n"),
        "quickfix-go": b"# started\n" + _lines(plain, lambda n, m: b"2024/01/02 10:00:%02d.000000 " % n + m + b"\n"),
        "raw": b"".join(whole),
        "logback": _lines(
            plain,
            lambda n, m: b"2024-01-02 19:00:%02d,000 [nio-1] INFO  fix.Log - %s: " % (n, b"OUT" if outgoing(m) else b"IN")
            + visible(m, b"|")
            + b"\n  at nothing of interest\n",
        ),
        "caret": _lines(plain, lambda n, m: b"10:00:%02d.000 %s " % (n, ARROWS[outgoing(m)]) + visible(m, b"^A") + b"\n"),
        "semicolon": _lines(plain, lambda n, m: visible(m, b";") + (b" " if n % 3 else b"\n")),
        "json": _lines(
            plain,
            lambda n, m: b'{"ts":17041896%02d.000,"dir":"%s","msg":"' % (n, b"sent" if outgoing(m) else b"received")
            + visible(m, b"\\u0001")
            + b'"}\n',
        ),
        "wrapped": b"".join(wrapped(visible(m, b"|")) + b"\r\n\r\n" for m in plain),
    }  # fmt: skip


def wrapped(text: bytes, width: int = 40) -> bytes:
    return b"\r\n".join(text[at : at + width] for at in range(0, len(text), width))


def given_logs() -> list[Path]:
    """Logs of one's own to test with: the files of the directory that GATEWAY_TEST_FIX_LOGS names."""
    directory = os.environ.get("GATEWAY_TEST_FIX_LOGS")
    return sorted(path for path in Path(directory).iterdir() if path.is_file()) if directory else []
