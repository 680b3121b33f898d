"""Small changes to a Python source, one at a time, of the kinds that are made by mistake."""

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
OPERATOR = re.compile(rb"not\s+in\b|is\s+not\b|in\b|is\b|and\b|or\b|[=!<>]=|\*\*|//|<<|>>|[-+*/%&|^<>@]")
OTHER_NAMES = {"any": "all", "min": "max", "argmin": "argmax", "mean": "sum", "floor": "ceil", "minimum": "maximum"}
OTHER_NAMES |= {other: name for name, other in OTHER_NAMES.items() if name != "mean"}
SYMMETRIC = {"max", "min", "maximum", "minimum", "isinstance", "allclose", "isclose", "equal", "array_equal"}
AXES = {0: 1, 1: 0, 2: 1}
TINY = 1e-3  # A smaller number guards against zero: doubling it says nothing.


@dataclass(frozen=True)
class Mutant:
    """One change to a source.

    Attributes:
        start: First byte that is replaced.
        end: Byte after the last.
        new: What stands there instead.
        line: Line number, from 1.
        code: The line before the change, without indentation.
        change: The change in words; with `code` and the file it names the mutant as long as that line stands.
    """

    start: int
    end: int
    new: str
    line: int
    code: str
    change: str

    @property
    def kind(self) -> str:
        """The first word of the change."""
        return self.change.partition(":")[0]

    def of(self, source: str) -> str:
        """Return the changed source."""
        text = source.encode()
        return (text[: self.start] + self.new.encode() + text[self.end :]).decode()


class Source:
    """A source with places in bytes, as `ast` counts columns."""

    def __init__(self, text: str):
        """Take the text of a module."""
        self.text = text.encode()
        self.lines = text.splitlines()
        lengths = [len(line) for line in self.text.splitlines(keepends=True)]
        self.starts = [sum(lengths[:number]) for number in range(len(lengths))]

    def start(self, node: ast.AST) -> int:
        """Return the first byte of a node."""
        return self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Return the byte after the last of a node."""
        return self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def segment(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)].decode()

    def operator(self, left: ast.AST, right: ast.AST) -> tuple[int, int]:
        """Return first and last place of the operator between two operands."""
        between = self.text[self.end(left) : self.start(right)]
        found = OPERATOR.search(re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), between))
        assert found is not None
        return self.end(left) + found.start(), self.end(left) + found.end()


Edit = tuple[int, int, str, str]  # first place, last place, replacement, kind


def mutants(text: str) -> list[Mutant]:
    """Return every change to a source, in the order of the text; a few of them may not parse.

    Left alone: docstrings, texts (most of them are messages), annotations, decorators, imports, log lines, `strict` of
    `zip`, and what runs only as a script.
    """
    source, found, seen = Source(text), [], Counter[tuple[str, str]]()
    edits = [edit for node in _walk(ast.parse(text)) for edit in _edits(node, source)]
    for start, end, new, kind in sorted(edits):
        line = source.text[:start].count(b"\n") + 1
        code = source.lines[line - 1].strip()
        old = _one_line(source.text[start:end].decode())
        change = f"{kind}: {old} -> {_one_line(new)}" if new != "pass" else f"{kind}: {old}"
        seen[code, change] += 1
        nth = f" (no. {seen[code, change]})" if seen[code, change] > 1 else ""
        found.append(Mutant(start, end, new, line, code, change + nth))
    return found


def draw(text: str, number: int, seed: str) -> list[Mutant]:
    """Draw changes to a source, each kind as likely as any other; a larger number continues a smaller one."""
    generator, drawn = random.Random(seed), list[Mutant]()
    left: dict[str, list[Mutant]] = {}
    for mutant in mutants(text):
        left.setdefault(mutant.kind, []).append(mutant)
    while len(drawn) < number and left:
        kind = generator.choice(sorted(left))
        mutant = left[kind].pop(generator.randrange(len(left[kind])))
        if not left[kind]:
            del left[kind]
        if _parses(mutant.of(text)):
            drawn.append(mutant)
    return drawn


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _one_line(code: str) -> str:
    return " ".join(code.split())


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what is in it, less what is left alone."""
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom) or _is_text(node) or _is_guard(node):
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _is_text(node: ast.AST) -> bool:
    """Return whether a statement is a docstring or a log line."""
    if not isinstance(node, ast.Expr):
        return False
    return isinstance(node.value, ast.Constant) or ast.unparse(node.value).startswith("logger.")


def _is_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("__name__ == '__main__'", "TYPE_CHECKING")


def _edits(node: ast.AST, source: Source) -> Iterator[Edit]:
    """Yield the changes to a node itself."""
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
            for left, operator, right in zip(operands, node.ops, node.comparators, strict=False):
                for new in COMPARISONS[type(operator)]:
                    yield *source.operator(left, right), new, "comparison"
        case ast.BoolOp():
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield *source.operator(left, right), "or" if isinstance(node.op, ast.And) else "and", "boolean"
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            yield *source.operator(node.left, node.right), ARITHMETIC[type(node.op)], "arithmetic"
        case ast.AugAssign() if type(node.op) in ARITHMETIC:
            start, end = source.operator(node.target, node.value)
            yield start, end, ARITHMETIC[type(node.op)], "arithmetic"
            yield source.start(node), source.end(node), "pass", "deleted"
        case ast.UnaryOp(op=ast.Not()):
            yield source.start(node), source.start(node) + 3, "", "condition"
        case ast.UnaryOp(op=ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
            yield source.start(node), source.start(node) + 1, "+", "arithmetic"
        case ast.Constant():
            for new in _other_values(node.value):
                yield source.start(node), source.end(node), new, "constant"
        case ast.keyword(arg="axis" | "dim", value=ast.Constant(value=int(axis)) as value) if axis in AXES:
            yield source.start(value), source.end(value), str(AXES[axis]), "axis"
        case ast.keyword(arg="axis" | "dim", value=ast.UnaryOp(op=ast.USub()) as value):
            yield source.start(value), source.end(value), "0", "axis"
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            yield from _negated(node.test, source)
        case ast.comprehension():
            for condition in node.ifs:
                yield from _negated(condition, source)
        case ast.Name() if node.id in OTHER_NAMES:
            yield source.start(node), source.end(node), OTHER_NAMES[node.id], "name"
        case ast.Attribute() if node.attr in OTHER_NAMES:
            yield source.end(node) - len(node.attr), source.end(node), OTHER_NAMES[node.attr], "name"
        case ast.Call():
            yield from _swapped(node, source)
        case ast.Return(value=ast.Tuple(elts=elements)):
            yield from _exchanged(elements, source, "return")
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield source.start(value), source.end(value), "None", "return"
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            yield source.start(node), source.end(node), "pass", "deleted"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield source.start(node), source.end(node), "pass", "deleted"


def _other_values(value: object) -> Iterator[str]:
    """Yield what a constant may become."""
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield str(value + 1)
        if value > 1:
            yield str(value - 1)
    elif isinstance(value, float):
        yield repr(float(f"{value * (2 if abs(value) > TINY else 1000):.9g}") or 1.0)


def _negated(test: ast.expr, source: Source) -> Iterator[Edit]:
    """Yield a condition negated, unless a change to its operator does that."""
    if not isinstance(test, ast.Compare) and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        yield source.start(test), source.end(test), f"not ({source.segment(test)})", "condition"


def _swapped(call: ast.Call, source: Source) -> Iterator[Edit]:
    """Yield a call with two neighbouring arguments swapped, unless their order says nothing."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in SYMMETRIC:
        yield from _exchanged(call.args, source, "arguments")


def _exchanged(nodes: list[ast.expr], source: Source, kind: str) -> Iterator[Edit]:
    for left, right in zip(nodes, nodes[1:], strict=False):
        first, second = source.segment(left), source.segment(right)
        if (
            first != second
            and not isinstance(left, ast.Starred)
            and not isinstance(right, ast.Starred | ast.GeneratorExp)
        ):
            between = source.text[source.end(left) : source.start(right)].decode()
            yield source.start(left), source.end(right), second + between + first, kind
