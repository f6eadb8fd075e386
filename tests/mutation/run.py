"""The share of mutants that the fast tests of the core notice, module by module.

The tests are collected once. One run in a child process records which test executes which line; then every mutant gets a
child of its own, which changes the function's code or the module's table in place and runs the tests that reach it, quickest
first, until one fails. A mutant that makes a test wait for ever counts as noticed, too.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import json
import os
import signal
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from types import FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from mutate import Mutant, mutants

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
AREAS = {
    "lifecycle": ("gateway.core.lifecycle",),
    "queue": ("gateway.core.dominance", "gateway.core.execution_control", "gateway.core.pacing"),
    "risk": (*(f"gateway.core.risk.{path.stem}" for path in sorted((ROOT / "gateway/core/risk").glob("[a-z]*.py"))),
             "gateway.core.risk", "gateway.core.exposure", "gateway.core.windows"),
}  # fmt: skip
TESTS = ("tests/unit/core",)
WANTED = 90.0
MOST_SECONDS = 30
NOTICED, SURVIVED = 0, 1
FUTURE = annotations.compiler_flag
"""The modules that are changed have it, too."""


def source_of(module: str) -> Path:
    path = ROOT / (module.replace(".", "/") + ".py")
    return path if path.exists() else path.with_suffix("") / "__init__.py"


# ------------------------------------------------------------------------------------------------------ changing the code


def _functions(namespace: Mapping[str, Any], module: str) -> Iterator[tuple[str, FunctionType]]:
    """Qualified name -> function object, of everything a module defines."""
    waiting = list(namespace.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, type) and value.__module__ == module:
            waiting += [(f"{name}.{n}", v) for n, v in vars(value).items()]
        elif isinstance(value, property):
            waiting += [(name, f) for f in (value.fget, value.fset) if f is not None]
        elif isinstance(value, (staticmethod, classmethod)):
            waiting.append((name, value.__func__))
        elif isinstance(value, FunctionType) and value.__module__ == module:
            yield name, value


def apply(mutant: Mutant) -> None:
    """Change the loaded module in place: everybody who imported something of it sees the change."""
    module = importlib.import_module(mutant.module)
    path = str(source_of(mutant.module))
    statement = mutant.tree.body[mutant.statement]
    if mutant.in_function:
        made = dict(vars(module))
        exec(compile(ast.Module([statement], []), path, "exec", flags=FUTURE, dont_inherit=True), made)
        changed = {function.__qualname__: function for _, function in _functions(made, mutant.module)}
        for name, function in _functions(vars(module), mutant.module):
            if name == mutant.owner or mutant.owner.startswith(f"{name}."):
                other = changed[function.__qualname__]
                function.__code__, function.__defaults__ = other.__code__, other.__defaults__
                function.__kwdefaults__ = other.__kwdefaults__
        return
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        raise NotImplementedError(f"{mutant.key}: only assignments are changed at module level")
    before = dict(vars(module))
    namespace = dict(before)
    exec(compile(ast.Module([statement], []), path, "exec", dont_inherit=True), namespace)
    for name, value in namespace.items():
        if name != "__builtins__" and before.get(name) is not value:
            _rebind(name, before.get(name), value)


def _rebind(name: str, old: Any, new: Any) -> None:
    if isinstance(old, dict):
        old.clear()
        old.update(new)
        return
    for other in list(sys.modules.values()):
        held = getattr(other, "__dict__", {})
        if held.get(name, other) is old:
            held[name] = new


# --------------------------------------------------------------------------------------------------------- running tests


def in_child(job: Callable[[], Any], seconds: float) -> tuple[int, bytes]:
    """Exit code (negative: killed by that signal) and what `job` returned, as JSON, of a run in a forked process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            os.close(reading)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            found = job()
            if isinstance(found, int):
                code = found
            else:
                with os.fdopen(writing, "wb") as pipe:
                    pipe.write(json.dumps(found).encode())
                code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), said


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Whether it passes. `following`: what is run next, whose fixtures stay."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def all_pass(items: list[pytest.Item]) -> bool:
    """Ends with the first that does not."""
    return all(passes(item, following) for item, following in zip_longest(items, items[1:]))


class Loop:
    """Takes the place of pytest's own loop over the tests it collected."""

    def __init__(self, chosen: list[Mutant], equivalent: dict[str, str], show: bool) -> None:
        self.chosen = chosen
        self.equivalent = equivalent
        self.show = show
        self.outcome: dict[str, list[str]] = defaultdict(list)
        self.survivors: list[Mutant] = []

    def pytest_configure(self) -> None:
        """What a mutant makes fail is no example to keep."""
        import hypothesis

        hypothesis.settings.register_profile("mutants", database=None, derandomize=True, deadline=None)
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.freeze()
        items = session.items
        files = {str(source_of(mutant.module)) for mutant in self.chosen}
        code, said = in_child(lambda: self._reached(items, files), 600)
        if code != 0:
            raise pytest.UsageError("the tests do not pass unchanged")
        seconds, reached = json.loads(said)
        quickest = sorted(range(len(items)), key=lambda index: seconds[index])
        by_line: dict[tuple[str, int], set[int]] = defaultdict(set)
        for index, lines in enumerate(reached):
            for file, line in lines:
                by_line[file, line].add(index)
        started = perf_counter()
        for number, mutant in enumerate(self.chosen):
            file = str(source_of(mutant.module))
            able = by_line[file, mutant.line] if mutant.in_function else set(quickest)
            able = able or set(quickest)  # a line that is none of its own: part of a statement over several
            named = mutant.module.rpartition(".")[2]
            order = sorted((i for i in quickest if i in able), key=lambda i: named not in items[i].nodeid)
            self._judge(mutant, [items[i] for i in order])
            if self.show and sys.stderr.isatty():
                print(f"\r{number + 1}/{len(self.chosen)} {perf_counter() - started:.0f} s", end="", file=sys.stderr)
        return True

    def _reached(self, items: list[pytest.Item], files: set[str]) -> Any:
        """Seconds of each test, and the lines of `files` it executes."""
        lines: set[tuple[str, int]] = set()

        def local(frame: Any, event: str, argument: Any) -> Any:
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            return local

        def calls(frame: Any, event: str, argument: Any) -> Any:
            return local(frame, event, argument) if frame.f_code.co_filename in files else None

        seconds, reached = [], []
        for item, following in zip_longest(items, items[1:]):
            lines.clear()
            started = perf_counter()
            sys.settrace(calls)
            try:
                good = passes(item, following)
            finally:
                sys.settrace(None)
            if not good:
                return 4
            seconds.append(perf_counter() - started)
            reached.append(sorted(lines))
        return [seconds, reached]

    def _judge(self, mutant: Mutant, items: list[pytest.Item]) -> None:
        def job() -> int:
            apply(mutant)
            return SURVIVED if all_pass(items) else NOTICED

        code, _ = in_child(job, MOST_SECONDS)
        if code == 3:  # the change does not even load
            self.outcome[mutant.module].append("not loadable")
        elif code == SURVIVED:
            known = mutant.key in self.equivalent
            self.outcome[mutant.module].append("equivalent" if known else "survived")
            if not known:
                self.survivors.append(mutant)
        else:
            self.outcome[mutant.module].append("noticed")


# ------------------------------------------------------------------------------------------------------------- the command


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: ./scripts/mutants risk; ./scripts/mutants 'gateway.core.dom*' --every 7",
    )
    parser.add_argument("what", nargs="*", help=f"areas ({', '.join(AREAS)}) or modules, patterns allowed; default: all areas")
    parser.add_argument("--every", type=int, default=1, help="only every Nth mutant")
    parser.add_argument("--json", action="store_true", help="one document on stdout")
    options = parser.parse_args()
    os.chdir(ROOT)
    modules = chosen_modules(options.what)
    if not modules:
        parser.error(f"nothing is called {' '.join(options.what)}")
    found = [mutant for module in modules for mutant in mutants(module, source_of(module))][:: options.every]
    listed = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    equivalent = {one["mutant"]: one["why"] for one in listed}
    loop = Loop(found, equivalent, not options.json)
    arguments = ["-q", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=0", "-o", "addopts="]
    code = pytest.main([*arguments, "--import-mode=importlib", *TESTS], plugins=[loop])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return 1
    return report(loop, modules, options.json)


def chosen_modules(what: list[str]) -> list[str]:
    every = [module for modules in AREAS.values() for module in modules]
    if not what:
        return every
    wanted = [module for name in what for module in AREAS.get(name, (name,))]
    return [module for module in every if any(fnmatch(module, pattern) for pattern in wanted)]


def report(loop: Loop, modules: list[str], as_json: bool) -> int:
    rows = []
    for module in modules:
        said = loop.outcome[module]
        counted = [one for one in said if one in ("noticed", "survived")]
        noticed = counted.count("noticed")
        share = 100 * noticed / len(counted) if counted else 100.0
        rows.append(
            {
                "module": module,
                "mutants": len(counted),
                "noticed": noticed,
                "equivalent": said.count("equivalent"),
                "not_loadable": said.count("not loadable"),
                "share": round(share, 1),
            }
        )
    low = [row for row in rows if row["share"] <= WANTED]
    survivors = [{"key": mutant.key, "line": mutant.line} for mutant in loop.survivors]
    if as_json:
        print(json.dumps({"modules": rows, "survivors": survivors}))
        return 1 if low else 0
    for one in loop.survivors:
        print(f"{source_of(one.module).relative_to(ROOT)}:{one.line}: {one.owner}: {one.before} -> {one.after}")
    print(f"{'module':38} {'mutants':>8} {'noticed':>8} {'share':>7} {'equivalent':>11} {'not loadable':>13}")
    for row in rows:
        counts = f"{row['mutants']:8} {row['noticed']:8} {row['share']:6.1f}% {row['equivalent']:11} {row['not_loadable']:13}"
        print(f"{row['module']:38} {counts}")
    total, noticed = sum(row["mutants"] for row in rows), sum(row["noticed"] for row in rows)
    print(f"{'together':38} {total:8} {noticed:8} {100 * noticed / max(total, 1):6.1f}%")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
