"""Every small way to break a check of a module: conditions forced or negated, operands and refusals dropped."""

from __future__ import annotations

import ast
import copy
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

OTHER = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
Change = Callable[[ast.AST], ast.AST]


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _conditions(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        for what, made in (
            ("negated", _negated),
            ("always", lambda _: ast.Constant(value=True)),
            ("never", lambda _: ast.Constant(value=False)),
        ):
            if not (isinstance(node, ast.While) and what != "never"):  # a loop that never ends proves nothing
                yield f"condition {what}", lambda at, made=made: _set(at, "test", made(at.test))
    if isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            yield "filter dropped", lambda at, index=index: _set(at, "ifs", at.ifs[:index] + at.ifs[index + 1 :])


def _operators(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.BoolOp):
        for index in range(len(node.values)):
            yield f"operand {index} dropped", lambda at, index=index: _without(at, index)
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            ops = [OTHER[type(operator)]() if at == index else each for at, each in enumerate(node.ops)]
            yield f"comparison {index} changed", lambda at, ops=ops: _set(at, "ops", ops)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", lambda at: at.operand


def _collections(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if (
        isinstance(node, (ast.Tuple, ast.Set))
        and len(node.elts) > 1
        and all(isinstance(each, ast.Constant) for each in node.elts)
    ):
        for index in range(len(node.elts)):
            yield f"element {index} dropped", lambda at, index=index: _set(at, "elts", at.elts[:index] + at.elts[index + 1 :])
    if isinstance(node, ast.comprehension) and isinstance(node.iter, ast.Constant):
        for index in range(len(str(node.iter.value))):
            yield (
                f"sign {index} dropped",
                lambda at, index=index: _set(at, "iter", ast.Constant(value=at.iter.value[:index] + at.iter.value[index + 1 :])),
            )
    if isinstance(node, ast.Raise):
        yield "refusal dropped", lambda _: ast.Pass()


def _without(node: ast.BoolOp, index: int) -> ast.AST:
    """The operation without one operand; with one left, that one."""
    left = node.values[:index] + node.values[index + 1 :]
    return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)


def _set(node: ast.AST, name: str, value: object) -> ast.AST:
    setattr(node, name, value)
    return node


class _Replace(ast.NodeTransformer):
    def __init__(self, place: int, change: Change) -> None:
        self.place, self.change, self.seen = place, change, -1

    def visit(self, node: ast.AST) -> ast.AST:
        self.seen += 1
        if self.seen == self.place:
            return self.change(node)
        return self.generic_visit(node)


def _places(tree: ast.AST) -> Iterator[tuple[int, ast.AST]]:
    """The nodes in the order in which _Replace walks."""
    count = -1

    class Walk(ast.NodeVisitor):
        def visit(self, node: ast.AST) -> None:
            nonlocal count
            count += 1
            found.append((count, node))
            self.generic_visit(node)

    found: list[tuple[int, ast.AST]] = []
    Walk().visit(tree)
    yield from found


def mutants(file: Path) -> Iterator[tuple[str, Callable[[], ModuleType]]]:
    """Name and loader of each module made from a file with one check broken."""
    source = ast.parse(file.read_text(encoding="utf-8"))
    for place, node in _places(source):
        for kinds in (_conditions, _operators, _collections):
            for what, change in kinds(node):
                tree = ast.fix_missing_locations(_Replace(place, change).visit(copy.deepcopy(source)))
                name = f"{file.name}:{getattr(node, 'lineno', '?')} {what}: {ast.unparse(node)[:80]}"
                yield name, functools.partial(_load, tree, file)


def _load(tree: ast.AST, file: Path) -> ModuleType:
    module = ModuleType(f"mutant_of_{file.stem}")
    sys.modules[module.__name__] = module  # dataclasses look their own module up
    exec(compile(tree, str(file), "exec"), module.__dict__)  # noqa: S102 - our own source, changed by us
    return module
