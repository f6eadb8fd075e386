"""docs/risk.md: every control an order passes, with its limits and where the rule comes from."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import model
from gateway.core import risk
from gateway.pages.markdown import members, prose, table, words


def page() -> str:
    """The text of docs/risk.md."""
    return "\n".join(part.rstrip() + "\n" for part in _parts())


def _parts() -> Iterator[str]:
    yield "# Risk controls\n"
    yield "Made by `scripts/pages` from the controls in `gateway/core/risk`; a test compares the two.\n"
    yield prose(risk) + "\n"
    yield (
        "RTS 6 is Commission Delegated Regulation (EU) 2017/589, SEC 15c3-5 the Market Access Rule (17 CFR 240.15c3-5). The"
        " code is `v_decisions.code` of the denial, whose reason has the numbers and the scope of the limit.\n"
    )
    yield "## Controls, in the order they are asked\n"
    yield table(("Code", "What is checked", "After"), ((f"`{c.code}`", c.title, c.source) for c in risk.CONTROLS))
    yield "## Other codes of a denial\n"
    yield words(risk.OTHER_CODES)
    yield "## Limits\n"
    yield "Keys of `[risk]`, and of `[risk.KIND.NAME]` for one venue, instrument, strategy or account:\n"
    yield limit_keys()


def limit_keys() -> str:
    """The keys of `[risk]` with their meanings, as a table."""
    titles = {control.code: control.title for control in risk.CONTROLS}
    said = members(model.RiskLimits)
    return words({name: said[name] or titles[name.removesuffix("_pct")] for name in model.RiskLimits.model_fields})
