"""How numbers of things are written for people. Knows no things."""

from __future__ import annotations


def counted(**things: int) -> str:
    """`order=1, report=2`: "1 order, 2 reports". Names are singulars with a plural in -s; `_` stands for a space."""
    return ", ".join(f"{number} {name.replace('_', ' ')}{'' if number == 1 else 's'}" for name, number in things.items())
