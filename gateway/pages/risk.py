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
        " code is `v_decisions.code` of the denial; its reason has the numbers: what was asked, the limit, and the scope that"
        " set it.\n"
    )
    yield "## Controls, in the order they are asked\n"
    yield (
        "`Set by` are keys of `[risk]`, and of `[risk.KIND.NAME]` for one venue, instrument, strategy or account: the control"
        " compares with every scope of the order that has the key, and does not ask where none has it. One without a key always"
        " holds.\n"
    )
    yield table(
        ("Code", "What is checked", "How", "Set by", "After"),
        ((f"`{c.code}`", c.title, c.about, _keys(c.limits), c.source) for c in risk.CONTROLS),
    )
    yield "## Controls that act\n"
    yield table(
        ("What", "How", "Set by", "After"),
        ((reaction.title, reaction.about, _keys(reaction.limits), reaction.source) for reaction in risk.REACTIONS),
    )
    yield "## Other codes of a denial\n"
    yield words(risk.OTHER_CODES)
    yield "## Limits\n"
    yield limit_keys()


def _keys(limits: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in limits)


def limit_keys() -> str:
    """The keys of `[risk]` with their meanings, as a table."""
    titles = {control.code: control.title for control in risk.CONTROLS}
    said = members(model.RiskLimits)
    return words({name: said[name] or titles[name.removesuffix("_pct")] for name in model.RiskLimits.model_fields})
