"""Decoders over the shipped dialects, and messages written with `|` for SOH."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.strict import StrictDictionary, strict_dictionary

SOH = "\x01"


def message(body: str, msg_type: str = "8", begin: str = "FIX.4.4", seq: int = 12) -> str:
    head = f"8={begin}|9=100|35={msg_type}|49=SIM|56=DESK|34={seq}|52=20240102-10:11:13.000|"
    return (head + body + "10=000|").replace("|", SOH)


@pytest.fixture(scope="session")
def fix() -> Callable[..., str]:
    """`fix("37=V1|...", msg_type="8")`: a whole message around a body."""
    return message


@pytest.fixture(scope="session")
def strict() -> StrictDictionary:
    return strict_dictionary("generic-fix44")


@pytest.fixture
def decoder(strict: StrictDictionary) -> Decoder:
    return Decoder(load_dialect("generic-fix44"), strict, "SIM", "DESK-SIM")
