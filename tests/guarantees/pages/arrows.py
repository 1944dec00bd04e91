"""How one file of a way leads to the next, found in the code and never in its words: a comment leads nowhere."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from libs.common.messaging.steps import Subscription
from libs.contracts.catalogue import EVENTS
from libs.contracts.services import SERVICES
from tests.guarantees.deployment.parts import ROOT, subscriptions

TYPE_OF = {event.__name__: event.type for event in EVENTS}
STEP_HALVES = {"step.work", "step.record"}
# What PostgreSQL and Redis stand between: the call that leaves, and the one that takes up what it left.
ACROSS_STORES = {"tx.emit": "self._outbox.after", "self._publisher.publish": "Envelope.from_json"}
METHODS = {"get", "post", "put", "patch", "delete"}
N = TypeVar("N", bound=ast.AST)


@dataclass(frozen=True)
class Arrow:
    """From one file to a symbol in another, by what the page says."""

    origin: Path
    to: Path
    symbol: str
    leaving: str
    arriving: str

    @property
    def service(self) -> str | None:
        """The service that is entered, None for a file of all of them."""
        folder = self.to.relative_to(ROOT).parts
        return folder[1] if folder[0] == "services" else None

    @property
    def leads(self) -> bool:
        """Tell whether the code goes this way."""
        if self.leaving in TYPE_OF:
            return self._leads_by_event()
        if self.leaving.startswith("/"):
            return bool(_asked(self.origin, self.leaving) & _served(self.to, self.leaving))
        if self.leaving in STEP_HALVES:
            return self.leaving in _calls(self.origin) and any(
                type(line.step).__name__ == self.symbol for line in self._lines()
            )
        if self.leaving in ACROSS_STORES:
            taken_up = self.arriving == ACROSS_STORES[self.leaving] and self.arriving in _calls(self.to)
            return self.leaving in _calls(self.origin) and taken_up
        if " " in self.leaving:
            return any(self.leaving in sql for sql in _texts(self.origin)) and any(
                self.arriving in sql for sql in _texts(self.to)
            )
        return self._leads_by_call() if "." in self.leaving else self._leads_by_import()

    def _leads_by_event(self) -> bool:
        """It is made here, and the wiring there has it answered by the symbol."""
        made = {
            part.id
            for call in _of(self.origin, ast.Call)
            for part in (call.func, *call.args)
            if isinstance(part, ast.Name)
        }
        answered = any(
            line.event.__name__ == self.leaving and type(line.step).__name__ == self.symbol for line in self._lines()
        )
        return self.leaving in made and answered

    def _lines(self) -> Iterator[Subscription]:
        for service in SERVICES if self.service is None else (self.service,):
            yield from subscriptions(service)

    def _leads_by_call(self) -> bool:
        """A method is called here, the symbol has it, and the wiring there makes one of the symbol."""
        method = self.leaving.rpartition(".")[2]
        classes = [node for node in _of(self.to, ast.ClassDef) if node.name == self.symbol]
        has_it = any(getattr(part, "name", "") == method for node in classes for part in node.body)
        wiring = ROOT / "services" / (self.service or "") / "wiring.py"
        return self.leaving in _calls(self.origin) and has_it and self.symbol in _calls(wiring)

    def _leads_by_import(self) -> bool:
        """The symbol is imported here from there, and used."""
        module = ".".join(self.to.relative_to(ROOT).with_suffix("").parts)
        imported = {
            alias.name for node in _of(self.origin, ast.ImportFrom) for alias in node.names if node.module == module
        }
        return self.leaving == self.symbol and self.symbol in imported & {n.id for n in _of(self.origin, ast.Name)}


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def _of(path: Path, kind: type[N]) -> list[N]:
    return [node for node in _nodes(path) if isinstance(node, kind)]


def _calls(path: Path) -> set[str]:
    """Return what is called in a file, as it is written: `self._ledger.append`."""
    return {ast.unparse(call.func) for call in _of(path, ast.Call)}


def _texts(path: Path) -> list[str]:
    """Return the strings of a file that are not its docstrings."""
    docs = {id(node.value) for node in _of(path, ast.Expr)}
    strings = [node for kind in (ast.Constant, ast.JoinedStr) for node in _of(path, kind) if id(node) not in docs]
    return [_text(node) for node in strings]


def _text(node: ast.AST) -> str:
    """Return a string as it is written, with the names in its braces."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _asked(path: Path, route: str) -> set[str]:
    """Return the methods with which a file asks for a route of another service."""
    asking = [call for call in _of(path, ast.Call) if route in map(_text, call.args)]
    said = {_text(part).lower() for call in asking for part in call.args} & METHODS
    return said | {"post" for call in asking if ast.unparse(call.func).endswith(".upload")}


def _served(path: Path, route: str) -> set[str]:
    """Return the methods by which a file serves a route."""
    decorators = [
        call
        for kind in (ast.AsyncFunctionDef, ast.FunctionDef)
        for node in _of(path, kind)
        for call in getattr(node, "decorator_list", ())
        if isinstance(call, ast.Call)
    ]
    return {ast.unparse(call.func).rpartition(".")[2] for call in decorators if route in map(_text, call.args)}
