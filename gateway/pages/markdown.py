"""How a page is written: tables, and words taken from docstrings and from the strings beside members."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from textwrap import dedent
from types import ModuleType


def members(kind: type) -> dict[str, str]:
    """Values of an enum, or fields of a model, with the string that stands after each in the source."""
    found: dict[str, str] = {}
    [body] = (node.body for node in ast.parse(dedent(inspect.getsource(kind))).body if isinstance(node, ast.ClassDef))
    for statement, following in zip(body, [*body[1:], None], strict=True):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        if not isinstance(target, ast.Name):
            continue
        said = following.value.value if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant) else ""
        name = str(kind[target.id].value) if issubclass(kind, Enum) else target.id
        found[name] = " ".join(str(said).split())
    return found


def prose(thing: object) -> str:
    """The first paragraph of a docstring, on one line; of a module the second, which says what the first line names."""
    text = inspect.cleandoc(thing.__doc__ or "")
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    if inspect.ismodule(thing):
        return "\n\n".join(part for part in paragraphs[1:] if part).replace("Theory of operation ------------------- ", "")
    return paragraphs[0]


def listed(kind: type[Enum]) -> str:
    return ", ".join(f"`{member.value}`" for member in kind)


def words(meanings: Mapping[str, str]) -> str:
    return table(("Word", "Meaning"), ((f"`{word}`", meaning) for word, meaning in meanings.items()))


def table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "".join("| " + " | ".join(escaped(cell) for cell in line) + " |\n" for line in lines)


def escaped(cell: str) -> str:
    return re.sub(r"\s+", " ", cell).replace("|", "\\|")


def theory(module: ModuleType) -> str:
    """The "Theory of operation" of a module's docstring, up to its sources, as paragraphs of a page."""
    text = inspect.cleandoc(module.__doc__ or "").partition("Theory of operation\n")[2]
    paragraphs = [" ".join(part.lstrip("-").split()) for part in text.split("\n\n")]
    return "\n\n".join(part for part in paragraphs if not part.startswith("Sources:"))


def sources(module: ModuleType) -> str:
    """What the module's docstring cites."""
    return inspect.cleandoc(module.__doc__ or "").partition("\nSources:")[2].strip()
