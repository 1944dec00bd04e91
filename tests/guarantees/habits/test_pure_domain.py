"""The list of pure modules (pyproject.toml, "The domain is pure") names every module that is pure, so it cannot lag.

The contracts hold what is on the list; this test finds what is missing from it.
"""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CONTRACTS = ("The domain is pure", "Time, new ids, randomness and the environment are arguments of the domain")
# Computes on what it is given: of the packages from outside, no other does nothing else.
COMPUTING = {"rapidfuzz"}
# By their place no rules: interfaces to the world, and what stands behind them.
NO_RULES = {"ports", "vendors"}
PURE_MIN = 80


@cache
def _contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {contract["name"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


@cache
def _modules() -> dict[str, Path]:
    """The modules of services and libs that ship, by their dotted names."""
    paths = [path for room in ("services", "libs") for path in sorted((ROOT / room).rglob("*.py"))]
    own = [path for path in paths if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in own]
    return dict(zip(names, own, strict=True))


@cache
def _imported(module: str) -> frozenset[str]:
    """What a module imports: modules of ours by their full names, and all else as it is written."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(_modules()[module].read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names.update(name if name in _modules() else node.module for name in whole)
    return frozenset(names)


def _is_of(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _touches_the_world(module: str) -> bool:
    """Tell whether a module itself imports what the contracts forbid, or a package from outside that may do more."""
    with_effects, own_making = (set(_contracts()[name]["forbidden_modules"]) for name in CONTRACTS)
    if any(_is_of(name, with_effects) for name in _imported(module)):
        return True
    tops = {name.partition(".")[0] for name in _imported(module)}
    foreign = tops - {"services", "libs"} - sys.stdlib_module_names - COMPUTING
    # What libs make themselves is theirs to answer for (contracts of their own): pydantic reads what arrives.
    return module.startswith("services.") and bool(foreign or any(_is_of(n, own_making) for n in _imported(module)))


def _pure() -> set[str]:
    """Return the services' modules from which no chain of imports leads to the world."""
    impure = {module for module in _modules() if _touches_the_world(module)}
    while more := {module for module in _modules() if module not in impure and _imported(module) & impure}:
        impure |= more
    return {module for module in _modules() if module.startswith("services.")} - impure


def _listed(module: str) -> bool:
    patterns = (re.escape(name).replace(r"\*", r"[^.]+") for name in _contracts()[CONTRACTS[0]]["source_modules"])
    return any(re.fullmatch(rf"{pattern}(?:\..+)?", module) for pattern in patterns)


def test_every_module_that_is_pure_is_on_the_list_of_those_that_must_stay_so() -> None:
    rules = {
        module
        for module in _pure()
        if _modules()[module].name != "__init__.py" and not NO_RULES & set(module.split("."))
    }

    assert len(rules) > PURE_MIN
    assert sorted(module for module in rules if not _listed(module)) == []


def test_both_contracts_of_the_domain_are_about_the_same_modules() -> None:
    about = [_contracts()[name]["source_modules"] for name in CONTRACTS]

    assert about[0] == about[1]
