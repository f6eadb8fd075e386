"""Mutants of one source file: every small change that a test should notice.

Tools that are kept elsewhere mutate functions; here the rules are tables as often as code, and a changed cell must be noticed
like a changed comparison. Texts for people (anything with a space), annotations and `__all__` (which names what the module
imports anyway) are left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_FAMILIES = (
    # members that stand for each other in a table or a comparison; each becomes the next
    ("KEEP", "BY_QUANTITY", "S", "A", "P", "F", "C", "R", "X"),
    ("NEW", "REPLACE", "CANCEL"),
    ("Wait.NO", "Wait.ANSWER", "Wait.OVERDUE"),
    ("Do.PLACE", "Do.SUPERSEDE", "Do.REWRITE", "Do.CLOSE", "Do.YIELD", "Do.NEVER"),
    ("F.NOTHING", "F.NEW", "F.REPLACE", "F.CANCEL", "F.NEW_AND_CANCEL", "F.REPLACE_AND_CANCEL"),
    ("CommandKind.NEW", "CommandKind.REPLACE", "CommandKind.CANCEL"),
    ("Side.BUY", "Side.SELL"),
    ("TradingState.ENABLED", "TradingState.REDUCED", "TradingState.DISABLED"),
    ("OrderState.FILLED", "OrderState.PARTIALLY_FILLED", "OrderState.ACCEPTED"),
    ("OrderType.LIMIT", "OrderType.MARKET", "OrderType.STOP", "OrderType.STOP_LIMIT"),
    ("FeedState.UP", "FeedState.STALE"),
)
_NEXT = {name: family[(i + 1) % len(family)] for family in _FAMILIES for i, name in enumerate(family)}
_CELLS = {"P": "S", "S": "R", "R": "C", "C": "Y", "Y": "N", "N": "P"}
"""In `dominance` the same letters are what a command does."""


@dataclass(frozen=True)
class Mutant:
    """One changed place. `owner` is the function or the module-level name it is in; `tree` the whole module, changed."""

    module: str
    owner: str
    line: int
    before: str
    after: str
    tree: ast.Module
    statement: int
    """Index of the module-level statement it is in."""
    in_function: bool

    @property
    def key(self) -> str:
        """The same for the same change as long as its place reads the same."""
        return f"{self.module}:{self.owner}: {self.before} -> {self.after}"


@dataclass
class _Place:
    """A way to a node: the fields and indexes from the root."""

    path: tuple[tuple[str, int | None], ...]
    owner: str
    in_function: bool


def mutants(module: str, path: Path) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    tree = ast.parse(path.read_text())
    for place, node in _walk(tree, (), "module", False):
        for changed in _changes(node, module):
            mutated = deepcopy(tree)
            shown = _put(mutated, place.path, changed)
            before, after = ast.unparse(node), "nothing" if isinstance(changed, ast.Pass) else ast.unparse(shown)
            if len(place.path) > 2 and place.path[-2][0] == "keywords":  # an argument says little without its call
                before, after = (ast.unparse(_at(whole, place.path[:-2])) for whole in (tree, mutated))
            yield Mutant(
                module=module,
                owner=place.owner,
                line=getattr(node, "lineno", 0),
                before=_short(before),
                after=_short(after),
                tree=ast.fix_missing_locations(mutated),
                statement=place.path[0][1] or 0,
                in_function=place.in_function,
            )


def _short(text: str) -> str:
    return " ".join(text.split())[:160]


def _walk(
    node: ast.AST, path: tuple[tuple[str, int | None], ...], owner: str, inside: bool
) -> Iterator[tuple[_Place, ast.AST]]:
    if path:
        yield _Place(path, owner, inside), node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "keywords", "bases") and not isinstance(node, ast.Call):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.Import, ast.ImportFrom)):
                continue
            if _is_text(node, child) or (isinstance(node, ast.Assert) and field == "msg"):
                continue
            named, within = owner, inside
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                named = child.name if owner == "module" else f"{owner}.{child.name}"
                within = inside or isinstance(child, ast.FunctionDef)
            elif isinstance(child, (ast.Assign, ast.AnnAssign)) and not inside and owner == "module":
                target = child.targets[0] if isinstance(child, ast.Assign) else child.target
                named = ast.unparse(target)
                if named == "__all__":
                    continue
            yield from _walk(child, (*path, (field, index)), named, within)


def _is_text(parent: ast.AST, child: ast.AST) -> bool:
    """Docstrings, and everything that is only said."""
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True
    return isinstance(child, ast.JoinedStr) or isinstance(parent, ast.Raise)


def _at(tree: ast.AST, path: tuple[tuple[str, int | None], ...]) -> ast.AST:
    for field, index in path:
        value = getattr(tree, field)
        tree = value if index is None else value[index]
    return tree


def _put(tree: ast.AST, path: tuple[tuple[str, int | None], ...], changed: ast.AST) -> ast.AST:
    parent = _at(tree, path[:-1])
    field, index = path[-1]
    if index is None:
        setattr(parent, field, changed)
    else:
        getattr(parent, field)[index] = changed
    return changed


def _changes(node: ast.AST, module: str) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[op]):
            for other in _COMPARED[type(op)]:
                yield _with(node, ops=[other()])
        case ast.Compare():
            for index, op in enumerate(node.ops):
                other = _COMPARED[type(op)][0]
                yield _with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])
        case ast.BoolOp(op=op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            for index in range(len(node.values)):
                rest = node.values[:index] + node.values[index + 1 :]
                yield deepcopy(rest[0]) if len(rest) == 1 else _with(node, values=rest)
        case ast.BinOp(op=op) if type(op) in _COMPUTED:
            yield _with(node, op=_COMPUTED[type(op)]())
        case ast.AugAssign(op=op) if type(op) in _COMPUTED:
            yield _with(node, op=_COMPUTED[type(op)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield deepcopy(operand)
        case ast.IfExp():
            yield _with(node, body=node.orelse, orelse=node.body)
        case ast.If(test=test) | ast.While(test=test) if not isinstance(test, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            yield _with(node, test=ast.UnaryOp(ast.Not(), deepcopy(test)))
        case ast.Dict():
            for index in range(len(node.keys)):
                keys, values = node.keys[:index] + node.keys[index + 1 :], node.values[:index] + node.values[index + 1 :]
                yield _with(node, keys=keys, values=values)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if value and " " not in value:
            yield ast.Constant(value + "_other")
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES:
            yield ast.Name(_NAMES[name], ast.Load())
        case ast.Name(id=name, ctx=ast.Load()) if module.endswith("dominance") and name in _CELLS:
            yield ast.Name(_CELLS[name], ast.Load())
        case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
            other = _NEXT.get(ast.unparse(node))
            if other is not None and (isinstance(node, ast.Attribute) or len(node.id) > 1 or module.endswith("lifecycle")):
                yield ast.parse(other, mode="eval").body


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, deepcopy(value))
    return changed
