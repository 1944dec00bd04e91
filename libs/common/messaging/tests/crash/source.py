"""Every await of the kernel by name, and a loader that puts a point at which a process can die around each of them."""

import ast
import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from libs.common.messaging.tests.crash import moments as crash_moments

ROOT = Path(__file__).parents[5]
STARTS = (
    *(f"messaging.{name}" for name in ("relay", "outbox", "consumer", "handling", "ordered")),
    "streams.redis_streams",
    "database.transaction",
)
POINT, SCOPE, LOOP = "__point__", "__scope__", "__loop__"
PACKAGE = "libs.common."
TEXT_MAX = 60


def kernel_modules() -> dict[str, Path]:
    """Return the modules of libs/common that relay and consumer reach by import and that await something."""
    found: dict[str, Path] = {}
    waiting = [PACKAGE + name for name in STARTS]
    while waiting:
        module = waiting.pop()
        path = ROOT / (module.replace(".", "/") + ".py")
        if module not in found and path.exists():
            found[module] = path
            waiting += [name for name in _imports(ast.parse(path.read_text())) if name.startswith(PACKAGE)]
    return {module: path for module, path in sorted(found.items()) if awaits_of(path)}


def awaits_of(path: Path) -> list[str]:
    """Return the names of a file's awaits, `async with` counting twice: entering and leaving."""
    naming = _Naming(path.name)
    naming.visit(ast.parse(path.read_text()))
    return naming.names


def install() -> None:
    """Load the kernel with points from now on; nothing of it may have been imported yet."""
    modules = kernel_modules()
    assert not set(modules) & set(sys.modules), "the kernel is already loaded as it is"
    sys.meta_path.insert(0, _Finder(modules))


class _Naming(ast.NodeTransformer):
    """Names each await by file, function and text (never by line), and wraps what is awaited."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._within: list[str] = []
        self._seen: Counter[str] = Counter()
        self.names: list[str] = []

    def _nested(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self._within.append(node.name)
        self.generic_visit(node)
        self._within.pop()
        return node

    visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _nested  # noqa: N815

    def visit_Await(self, node: ast.Await) -> ast.AST:
        name = self._name(f"await {_short(node.value)}")
        self.generic_visit(node)
        node.value = self._wrapped(POINT, node.value, name)
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items:
            text = _short(item.context_expr)
            names = [self._name(f"{verb} async with {text}") for verb in ("enter", "leave")]
            item.context_expr = self._wrapped(SCOPE, self.visit(item.context_expr), *names)
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        self._loop(node)
        self.generic_visit(node)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        if node.is_async:
            self._loop(node)
        self.generic_visit(node)
        return node

    def _loop(self, node: ast.AsyncFor | ast.comprehension) -> None:
        node.iter = self._wrapped(LOOP, node.iter, self._name(f"next of async for {_short(node.iter)}"))

    def _wrapped(self, with_what: str, value: ast.expr, *names: str) -> ast.expr:
        constants: Sequence[ast.expr] = [ast.Constant(name) for name in names]
        return ast.Call(ast.Name(with_what, ast.Load()), [value, *constants], [])

    def _name(self, what: str) -> str:
        name = f"{self._file} {'.'.join(self._within)}: {what}"
        self._seen[name] += 1
        name += f" #{self._seen[name]}" if self._seen[name] > 1 else ""
        self.names.append(name)
        return name


class _Loader(SourceFileLoader):
    """Compiles from the source each time, with points, and leaves no bytecode behind."""

    def get_code(self, fullname: str) -> CodeType:
        path = Path(self.get_filename(fullname))
        tree = ast.fix_missing_locations(_Naming(path.name).visit(ast.parse(path.read_text())))
        return compile(tree, str(path), "exec")

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update({POINT: crash_moments.Point, SCOPE: crash_moments.Scope, LOOP: crash_moments.Loop})
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the kernel's modules and leaves all others to Python."""

    def __init__(self, modules: dict[str, Path]) -> None:
        self._modules = modules

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        found = self._modules.get(fullname)
        if found is None:
            return None
        return importlib.util.spec_from_file_location(fullname, found, loader=_Loader(fullname, str(found)))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "..."
