"""The versions of FIX this venue can speak, as data: what differs between them, and nothing about why a message is sent.

Exists so that neither the exchange nor the wire asks which version it is: the exchange speaks FIX 4.4's words, the wire looks
here how a version writes them. Which tags a message may hold is not listed; the version's own dictionary says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.sim.messages import CxlRejReason, ExecType, OrdRejReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`application` and `transport` are the standard dictionaries' file names; `transport` and `appl_ver_id` are FIXT's.

    `exec_trans_types`: ExecTransType(20) by our ExecType, "0" for those not listed; None where the version has no such tag.
    `exec_type_is_status`: the ExecTypes for which ExecType(150) repeats OrdStatus(39).
    `ord_rej_reasons`, `cxl_rej_reasons`: our codes that the version lacks -> what it says instead.
    `username_tag`, `password_tag`: where a Logon(A) carries them; None: the version has no place for it.
    """

    begin_string: str
    application: str
    transport: str | None = None
    appl_ver_id: str | None = None
    exec_trans_types: Mapping[str, str] | None = None
    exec_type_is_status: frozenset[str] = frozenset()
    ord_rej_reasons: Mapping[str, str] = field(default_factory=dict)
    cxl_rej_reasons: Mapping[str, str] = field(default_factory=dict)
    username_tag: int | None = 553
    password_tag: int = 554


VERSIONS: dict[str, Version] = {
    "4.2": Version(
        begin_string="FIX.4.2",
        application="FIX42.xml",
        exec_trans_types={ExecType.TRADE_CANCEL: "1", ExecType.TRADE_CORRECT: "2", ExecType.ORDER_STATUS: "3"},
        # FIX 4.2, appendix D: partial fills and fills are ExecType 1 and 2; amendments and status answers repeat OrdStatus.
        exec_type_is_status=frozenset({ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT, ExecType.ORDER_STATUS}),
        ord_rej_reasons={
            OrdRejReason.UNSUPPORTED: OrdRejReason.BROKER,
            OrdRejReason.INCORRECT_QUANTITY: OrdRejReason.BROKER,
            OrdRejReason.OTHER: OrdRejReason.BROKER,
        },
        cxl_rej_reasons={CxlRejReason.DUPLICATE: CxlRejReason.BROKER, CxlRejReason.OTHER: CxlRejReason.BROKER},
        username_tag=None,
        password_tag=96,
    ),
    "4.4": Version(begin_string="FIX.4.4", application="FIX44.xml"),
    "5.0SP2": Version(begin_string="FIXT.1.1", application="FIX50SP2.xml", transport="FIXT11.xml", appl_ver_id="9"),
}
"""By the name the command line uses."""


def version_of(begin_string: str, application: str) -> str | None:
    """The name of the version with this BeginString(8) and dictionary; None when the venue does not speak it."""
    found = (name for name, v in VERSIONS.items() if (v.begin_string, v.application) == (begin_string, application))
    return next(found, None)
