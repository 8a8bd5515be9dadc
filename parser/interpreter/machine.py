"""Follows a script from its first line: statements, names, branches, calls. Knows nothing of argparse."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from parser.interpreter import (
    attributes,
    calls,
    classes,
    comparing,
    containers,
    expressions,
    library,
    operations,
)
from parser.interpreter.flow import Call, Exhausted, Finished, Raised, Read, Stopped, TooDeep
from parser.interpreter.modules import Modules
from parser.interpreter.reach import COMMON
from parser.interpreter.values import (
    MISSING,
    Class,
    External,
    Function,
    Instance,
    Lazy,
    Located,
    Modelled,
    Module,
    Package,
    Scope,
    Unknown,
    why_unknown,
)
from parser.interpreter.ways import Condition, Way, alike, either, joined, negated, settled
from parser.model import Place, Problem
from parser.problems import problem
from parser.script import Script

STEPS_OF_A_CALL = 8
"""Steps that following a function counts for, its own statements not included."""

STEPS_OF_A_MODULE = 2000
"""Steps that every further module of the repository adds to what may be taken: large repositories take longer."""

MODULES_WITH_STEPS = 150
"""Modules that add steps."""

MAX_CALLS = 20
"""Calls of the repository's functions inside each other."""

MAX_ROUNDS = 10_000
"""Rounds of a loop that adds arguments; other loops are followed for PLAIN_ROUNDS at most."""

PLAIN_ROUNDS = 256

ROUNDS_BESIDE = 1_000
"""Rounds of a loop that adds none, in a function that deals with parsers."""

SMALL_LINES = 25
"""Lines of a function that is followed for its value although it has nothing to do with parsers."""

LINES_BESIDE = 80
"""The same for what a decorator or metaclass runs, as filling a table of commands, and for what code that deals with
parsers calls."""

SMALL_CALLS = 4
"""Calls inside each other within which such functions are followed."""

SHORT_TRY = 6
"""Lines of a `try` whose `except Exception` is taken to wait for a value that is not there."""

_BUILTINS = frozenset(dir(builtins))


Model = Callable[["Machine", Call], Any]


@dataclass(frozen=True, slots=True)
class ByHeart:
    """What is known of the world outside of the repository."""

    models: Mapping[str, Model]
    """Foreign callables by dotted name."""
    constants: Mapping[str, Any]
    """Foreign values by dotted name."""
    keywords: frozenset[str]
    """Names that make code worth following."""
    watched: Mapping[str, str]
    """Methods that must not be lost: name → code of the problem when they are called on something unknown."""


class _Frame:
    """One running function: what it may have returned so far."""

    __slots__ = ("conditions", "function", "handed", "receiver", "returned", "small", "yielded")

    def __init__(self, function: Function | None, receiver: Any = None) -> None:
        self.function = function
        self.receiver = receiver
        self.returned: list[Way] = []
        self.yielded: list[Any] | None = []
        self.conditions = 0
        self.handed = False
        self.small = False
        """Whether it is followed for its value only."""

    def hands_parser(self) -> bool:
        """Whether a parser was given to the function or is what it gives back."""
        return self.handed or any(isinstance(value, Modelled) for _, value in self.returned)


class Machine:
    """Runs scripts on known values."""

    def __init__(self, modules: Modules, known_by_heart: ByHeart, entry: str) -> None:
        self.modules = modules
        self._max_steps = modules.limits.steps
        # Levels inside each other, calls included; keeps Python's own stack small.
        self._max_nesting = modules.limits.depth
        self.models = known_by_heart.models
        self._constants = {**operations.CONSTANTS, **known_by_heart.constants}
        self._watched = known_by_heart.watched
        self.entry = entry
        self.problems: list[Problem] = []
        self.conditions: list[str] = []
        self.assumed: list[str] = []
        """What holds as long as nothing is given on the command line."""
        self.asked = False
        """Whether a value of the command line was asked for."""
        self.supposing = 0
        """Inside how many branches that are taken only when something is given."""
        self.visited: set[int] = set()
        self.wanted = 0
        self._keywords = known_by_heart.keywords
        self._steps = 0
        self._nesting = 0
        self._frames: list[_Frame] = []
        self._scopes: dict[str, Scope] = {}
        self._interest: dict[int, bool] = {}
        self._names: dict[str, set[str]] = {}
        self._importing = 0
        self._may_leave = False
        self._left: set[str] = set()
        self._ended: dict[int, str] = {}
        self._trying: list[set[str]] = []
        self.decorating = 0
        self.making: list[Class] = []
        self._own: dict[int, tuple[Any, tuple[str, ...]]] = {}

    # Running

    def run(self, script: Script) -> Scope:
        """Runs the entry point as `python FILE` would; never raises."""
        scope = self._module_scope(script, "__main__")
        self._run_module(scope)
        return scope

    def _run_module(self, scope: Scope) -> None:
        script = scope.script
        why = ""
        try:
            self._block(script.tree.body, scope)
        except Stopped:
            return
        except Exhausted:
            why = f"it takes more than {self._max_steps} steps"
        except (TooDeep, RecursionError):
            why = "its calls or statements are nested too deeply"
        except Exception as error:  # noqa: BLE001  a fault of the reader costs one file what it holds, never the whole report
            why = f"the reader itself is at fault ({type(error).__name__})"
        if why:
            self.problems.append(problem("file-unfollowed", Place(script.path), file=script.path, why=why))

    def finish(self) -> None:
        """Ends following the script, or the way that led here when others may be taken instead."""
        if self.conditions:
            raise Read
        if not self._importing:
            raise Finished

    def fail(self, kind: str) -> None:
        """Raises the script's exception where a `try` around it may wait for it."""
        wanted = {kind, *_ABOVE.get(kind, ())}
        if any(not names.isdisjoint(wanted) for names in self._trying):
            raise Raised(kind)

    def tell(self, code: str, place: Place, **words: str) -> None:
        """Notes a problem of the catalogue."""
        self.problems.append(problem(code, place, None, **words))

    def _module_scope(self, script: Script, name: str) -> Scope:
        scope = Scope(script)
        scope.module_level = scope
        scope.names["__name__"] = name
        scope.names["__file__"] = Located(script.path)
        folder, _, file = script.path.rpartition("/")
        if file == "__init__.py":
            scope.names["__path__"] = [Located(folder)]
        scope.names["__doc__"] = ast.get_docstring(script.tree, clean=False)
        self._scopes[script.path] = scope
        return scope

    def module(self, path: str) -> Scope | None:
        """The names of a repository's module, run when first asked for; None when it cannot be read."""
        if path in self._scopes:
            return self._scopes[path]
        script = self.modules.script(path)
        if script is None:
            return None
        dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        scope = self._module_scope(script, dotted)
        frames, conditions, wanted = self._frames, self.conditions, self.wanted
        supposing, self.supposing = self.supposing, 0
        assumed, self.assumed = self.assumed, []
        self._frames, self.conditions, self.wanted = [], [], 0
        trying, self._trying = self._trying, []
        self._importing += 1
        try:
            if len(self._scopes) <= MODULES_WITH_STEPS:
                self._max_steps += min(STEPS_OF_A_MODULE, self.modules.limits.steps // MODULES_WITH_STEPS)
            if len(self._scopes) > 1 and self._nesting > self._max_nesting - 20:
                raise TooDeep
            self._run_module(scope)
        finally:
            self._frames, self.conditions, self.wanted = frames, conditions, wanted
            self._importing -= 1
            self._trying = trying
            self.supposing, self.assumed = supposing, assumed
        return scope

    def names_in(self, path: str) -> Any:
        """The names of a repository's module and what they stand for: a dictionary, or Unknown."""
        scope = self.module(path)
        if scope is None:
            return Unknown("is a module that cannot be read")
        return {
            name: self.member(value.path, value.name) if isinstance(value, Lazy) else value
            for name, value in list(scope.names.items())
        }

    def member(self, path: str, name: str) -> Any:
        """A name of a repository's module, or one of its submodules."""
        scope = self.module(path)
        if scope is not None and name in scope.names:
            value = scope.names[name]
            if isinstance(value, Lazy):
                if (value.path, value.name) == (path, name) or self._nesting >= self._max_nesting:
                    return Unknown(f"is imported in a circle by {path}")
                self._nesting += 1
                try:
                    return self.member(value.path, value.name)
                finally:
                    self._nesting -= 1
            return value
        if path.endswith("__init__.py"):
            found = self.modules.find(name, path, 1)
            if found and found != path:
                return Module(found)
        if scope is None:
            return Unknown(f"comes from {path}, which cannot be read")
        return self._given_by(scope, name)

    def _given_by(self, scope: Scope, name: str) -> Any:
        """A name that a module makes only when it is asked for: by `__getattr__`, or as it tells type checkers."""
        path = scope.script.path
        maker = scope.names.get("__getattr__")
        if isinstance(maker, Function) and (call := self.call_from_nowhere()):
            value = self.follow(maker, Call(call.node, call.script, [name], {}))
            if not isinstance(value, Unknown):
                return value
        for node in _told_to_checkers(scope.script):
            found = self.modules.find(node.module or "", path, node.level)
            for alias in node.names:
                if found is not None and found != path and name == (alias.asname or alias.name):
                    return self.member(found, alias.name)
        return Unknown(f"is not found in {path}")

    # Statements

    def _block(self, body: Sequence[ast.stmt], scope: Scope) -> str | None:
        """Runs statements; gives `return`, `break` or `continue` when one of them ends the block."""
        for statement in body:
            self._steps += 1
            if self._steps > self._max_steps:
                raise Exhausted
            handler = _STATEMENTS.get(type(statement))
            if handler is None:
                continue
            if self._nesting >= self._max_nesting:
                raise TooDeep
            self._nesting += 1
            try:
                signal = handler(self, statement, scope)
            finally:
                self._nesting -= 1
            if signal:
                return signal
        return None

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        if not isinstance(node.value, ast.Constant):
            self.evaluate(node.value, scope)

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self.bind(target, value, scope)

    def _annotated_assign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if isinstance(node.target, ast.Name) and node.simple:
            scope.annotations[node.target.id] = node.annotation
        if node.value is not None:
            self.bind(node.target, self.evaluate(node.value, scope), scope)

    def _augmented_assign(self, node: ast.AugAssign, scope: Scope) -> None:
        left = self.evaluate(node.target, scope)
        right = self.evaluate(node.value, scope)
        if isinstance(left, list) and isinstance(node.op, ast.Add) and isinstance(right, list | tuple):
            containers.mutate(self, left, "extend", [right], {})
            return
        self.bind(node.target, expressions.binary(node.op, left, right), scope)

    def bind(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Assigns to a name, attribute, item or a tuple of them."""
        if isinstance(target, ast.Name):
            scope.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value, scope)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, scope)
        elif isinstance(target, ast.Attribute):
            attributes.set_attribute(self, self.evaluate(target.value, scope), target.attr, value)
        elif isinstance(target, ast.Subscript):
            container = self.evaluate(target.value, scope)
            containers.set_item(self, container, self.evaluate(target.slice, scope), value)

    def _unpack(self, targets: list[ast.expr], value: Any, scope: Scope) -> None:
        items = list(value) if isinstance(value, list | tuple) else containers.items_of(self, value)
        star = next((at for at, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
        if items is not None and star is not None and len(items) >= len(targets) - 1:
            end = len(items) - (len(targets) - star - 1)
            items = [*items[:star], items[star:end], *items[end:]]
        if items is None or len(items) != len(targets):
            items = [value if isinstance(value, Unknown) else Unknown()] * len(targets)
        for one, item in zip(targets, items, strict=True):
            self.bind(one, item, scope)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        value: Any = self.function(node, node.name, scope)
        for decorator in reversed(node.decorator_list):
            value = calls.decorated(self, value, decorator, scope)
        scope.bind(node.name, value)

    def function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, scope: Scope
    ) -> Function:
        """The function as a value, its defaults worked out."""
        defaults = [self.evaluate(one, scope) for one in node.args.defaults]
        keyword_defaults = {
            arg.arg: self.evaluate(value, scope)
            for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            if value is not None
        }
        return Function(node, scope, name, defaults, keyword_defaults)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        classes.define(self, node, scope)

    def run_body(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        """Runs the statements of a class body."""
        self._block(body, scope)

    def _return(self, node: ast.Return, scope: Scope) -> str:
        value = None if node.value is None else self.evaluate(node.value, scope)
        if self._frames:
            frame = self._frames[-1]
            frame.returned.append((tuple(self.conditions[frame.conditions :]), value))
        return "return"

    def _raise(self, node: ast.Raise, scope: Scope) -> None:
        if node.exc is not None:
            self.evaluate(node.exc, scope)
        raise Stopped

    def _assert(self, node: ast.Assert, scope: Scope) -> None:
        self.evaluate(node.test, scope)

    def _if(self, node: ast.If, scope: Scope) -> str | None:
        asked, self.asked = self.asked, False
        test = comparing.truth(self.evaluate(node.test, scope))
        asked, self.asked = self.asked, asked
        if test is not None and asked:
            return self._by_default(node, test, scope)
        if test is not None:
            return self._block(node.body if test else node.orelse, scope)
        source = scope.script.source(node.test)
        return self._either(scope, (source, node.body), (f"not ({source})", node.orelse))

    def _by_default(self, node: ast.If, test: bool, scope: Scope) -> str | None:
        """A branch taken when nothing is given, and the other, of which only the arguments that it adds are kept."""
        source = scope.script.source(node.test)
        ways = ((source, node.body), (f"not ({source})", node.orelse))
        (holds, taken), (fails, other) = ways if test else ways[::-1]
        before = dict(scope.names)
        if any(self._concerns_parsers(one, scope) for one in other):
            self._suppose(fails, other, scope)
        depth = len(self.assumed)
        self.assumed.append(holds)
        try:
            return self._block(taken, scope)
        except Finished:
            raise
        except Stopped:
            # Something has to be given, so that is the way on which the script goes on.
            del self.assumed[depth:]
            scope.names.clear()
            scope.names.update(before)
            return self._block(other, scope)
        finally:
            del self.assumed[depth:]

    def _suppose(self, condition: str, body: Sequence[ast.stmt], scope: Scope) -> None:
        """Runs what is not run when nothing is given; everything but the arguments that it adds is forgotten."""
        before = dict(scope.names)
        returned = self._frames[-1].returned if self._frames else []
        count = len(returned)
        self.supposing += 1
        try:
            with self.condition(condition):
                self._block(body, scope)
        except Read:
            pass  # that way is done with
        except Finished:
            raise
        except Stopped:
            pass  # then nothing is added behind that point
        finally:
            self.supposing -= 1
            del returned[count:]
            scope.names.clear()
            scope.names.update(before)

    def _either(self, scope: Scope, *branches: tuple[str, Sequence[ast.stmt]]) -> str | None:
        """Runs branches of which one will be taken; what they leave different is not known afterwards."""
        before = dict(scope.names)
        ends: list[tuple[str, dict[str, Any]]] = []
        signals: list[str | None] = []
        conditions = [Condition(one) for one, _ in branches]
        for condition, (_, body) in zip(conditions, branches, strict=True):
            scope.names.clear()
            scope.names.update(before)
            with self.condition(condition):
                try:
                    signal = self._block(body, scope)
                except Read:
                    signal = "stop"
                    self._ended[id(condition)] = condition
                except Finished:
                    raise
                except Stopped:
                    signal = "stop"
                    if not self._trying:
                        self._ended[id(condition)] = condition
            signals.append(signal)
            if signal is None:
                ends.append((condition, dict(scope.names)))
            else:
                self._left.add(condition)
        if any(signal in ("return", "continue", "break") for signal in signals) and ends:
            self._may_leave = True
        if not ends:
            # Every branch leaves: what follows is not reached this way.
            if all(signal == "stop" for signal in signals):
                raise Stopped
            return next(signal for signal in signals if signal != "stop")
        scope.names.clear()
        scope.names.update(_merged(ends, branches[0][0]))
        left = [at for at, signal in enumerate(signals) if signal == "return"]
        if len(left) == 1 and len(branches) == 2 and self._frames and self._frames[-1].hands_parser():
            # What follows is added to a parser that is used without it when the function has returned before.
            self.conditions.append(conditions[1 - left[0]])
        return None

    @contextmanager
    def condition(self, *sources: str) -> Iterator[None]:
        """What happens inside happens only if these, which are not known, are true."""
        depth = len(self.conditions)
        self.conditions.extend(one if isinstance(one, Condition) else Condition(one) for one in sources)
        try:
            yield
        finally:
            del self.conditions[depth:]

    def is_here(self, condition: str) -> bool:
        """Whether it is this very condition that holds now."""
        return any(one is condition for one in self.conditions)

    def is_over(self, condition: str) -> bool:
        """Whether the script ends on the way on which it holds, and this is another way."""
        return id(condition) in self._ended and not self.is_here(condition)

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> str | None:
        items = containers.items_of(self, self.evaluate(node.iter, scope))
        rounds = self._rounds(node, scope)
        if items is None or len(items) > rounds:
            source = f"for {scope.script.source(node.target)} in {scope.script.source(node.iter)}"
            self.bind(node.target, Unknown(f"changes with `{source}`"), scope)
            self._either(scope, (source, node.body), (source, ()))
            return None
        for item in items:
            self.bind(node.target, item, scope)
            signal = self._round(node.body, scope)
            if signal == "return":
                return signal
            if signal == "break":
                return None
        return self._block(node.orelse, scope)

    def _rounds(self, node: ast.For | ast.AsyncFor, scope: Scope) -> int:
        """How many rounds of a loop are followed."""
        if self._concerns_parsers(node, scope):
            return MAX_ROUNDS
        function = self._frames[-1].function if self._frames else None
        beside = function is not None and self._concerns_parsers(function.node, function.scope)
        return ROUNDS_BESIDE if beside else PLAIN_ROUNDS

    def _round(self, body: Sequence[ast.stmt], scope: Scope) -> str | None:
        """Once through a loop; raising ends the script only where it is certain that it comes to that."""
        try:
            return self._block(body, scope)
        except Finished:
            raise
        except Stopped:
            if not self._may_leave:
                raise
            return None

    def _while(self, node: ast.While, scope: Scope) -> str | None:
        if isinstance(node.test, ast.Constant) and node.test.value:
            signal = self._block(node.body, scope)
            return signal if signal == "return" else None
        for _ in range(PLAIN_ROUNDS):
            test = comparing.truth(self.evaluate(node.test, scope))
            if test is False:
                return self._block(node.orelse, scope)
            if test is None:
                break
            signal = self._block(node.body, scope)
            if signal == "return":
                return signal
            if signal == "break":
                return None
        self._either(scope, (f"while {scope.script.source(node.test)}", node.body), ("", ()))
        return None

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> str | None:
        for item in node.items:
            value = self.evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, self._entered(value, item.context_expr, scope), scope)
        return self._block(node.body, scope)

    def _entered(self, value: Any, node: ast.expr, scope: Scope) -> Any:
        """What `with value as name` binds."""
        if isinstance(value, Instance):
            method = value.cls.member("__enter__")
            if isinstance(method, Function):
                return self.follow(method, Call(node, scope.script, [], {}), value)
        if isinstance(value, list) and value:
            return value[0]  # a function behind contextlib.contextmanager
        return value if isinstance(value, Modelled) else Unknown()

    def _try(self, node: ast.Try, scope: Scope) -> str | None:
        depth = len(self._trying)
        self._trying.append(_caught(node))
        try:
            signal = self._block(node.body, scope)
        except Finished:
            raise
        except Stopped as stopped:
            del self._trying[depth:]
            handler = _handler_of(node, stopped)
            if handler is None:
                self._block(node.finalbody, scope)
                raise
            if handler.name:
                scope.bind(handler.name, Unknown("is an exception"))
            signal = self._block(handler.body, scope)
        else:
            del self._trying[depth:]
            if any(isinstance(one.body[-1], ast.Return | ast.Continue | ast.Break) for one in node.handlers):
                self._may_leave = True
            if signal is None:
                signal = self._block(node.orelse, scope)
        return self._block(node.finalbody, scope) or signal

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            top = alias.name if alias.asname else alias.name.partition(".")[0]
            scope.bind(alias.asname or top, self._imported(top, scope.script.path, 0))

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        dotted, path = node.module or "", scope.script.path
        found = self.modules.find(dotted, path, node.level)
        for alias in node.names:
            if alias.name == "*":
                self._import_star(found, dotted, scope)
                continue
            value: Any
            if found is not None and found != path:
                self._import_for_effect(found)
                value = Lazy(found, alias.name)
            elif submodule := self.modules.find(
                f"{dotted}.{alias.name}" if dotted else alias.name, path, node.level
            ):
                value = Module(submodule)
            elif found is not None:
                value = Lazy(found, alias.name)  # the module imports from itself
            elif node.level:
                self.fail("ImportError")
                value = Unknown(f"comes from {'.' * node.level}{dotted}, which is not in the repository")
            else:
                value = self.external(f"{dotted}.{alias.name}")
            scope.bind(alias.asname or alias.name, value)

    def _import_for_effect(self, path: str) -> None:
        """Runs a module at its import, where what it does then may matter; others wait until they are used."""
        if (
            path not in self._scopes
            and self.modules.has_effect(path)
            and self._nesting < self._max_nesting - 30
        ):
            self.module(path)

    def _imported(self, dotted: str, importer: str, level: int) -> Any:
        found = self.modules.find(dotted, importer, level)
        if found is not None:
            self._import_for_effect(found)
            return Module(found)
        if self.modules.is_package(dotted, importer, level):
            return Package(dotted)
        return External(dotted, module=True)

    def _import_star(self, found: str | None, dotted: str, scope: Scope) -> None:
        if found is None:
            for name in (*self.models, *self._constants):
                if name.rpartition(".")[0] == dotted:
                    scope.bind(name.rpartition(".")[2], self.external(name))
        module = self.module(found) if found else None
        if module is None:
            return
        exported = module.names.get("__all__")
        for name in list(module.names):
            wanted = name in exported if isinstance(exported, list | tuple) else not name.startswith("_")
            if wanted:
                scope.bind(name, module.names[name])

    def _global(self, node: ast.Global, scope: Scope) -> None:
        scope.global_names.update(node.names)

    def _nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        # Bound where they belong from here on; what is assigned under them is seen by the outer function.
        for name in node.names:
            outer = scope.outer
            while outer is not None and name not in outer.names:
                outer = outer.outer
            if outer is not None:
                scope.outer_names[name] = outer

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                container = self.evaluate(target.value, scope)
                containers.mutate(self, container, "pop", [self.evaluate(target.slice, scope)], {})

    def _break(self, node: ast.Break, scope: Scope) -> str:
        return "break"

    def _continue(self, node: ast.Continue, scope: Scope) -> str:
        return "continue"

    def _match(self, node: ast.Match, scope: Scope) -> str | None:
        source = scope.script.source(node.subject)
        self.evaluate(node.subject, scope)
        return self._either(scope, *((f"match {source}", case.body) for case in node.cases), ("", ()))

    # What belongs to whom

    def elsewhere(self, conditions: Sequence[str]) -> bool:
        """Whether what happened under these conditions cannot have happened on the way that led here."""
        here = set(self.conditions)
        return any(one in self._left and one not in here for one in conditions)

    def own(self, value: Any) -> Any:
        """Notes that a value was made under the present conditions, so that changing it under them is certain."""
        if self.conditions:
            self._own[id(value)] = (value, tuple(self.conditions))
        return value

    def is_own(self, value: Any) -> bool:
        """Whether the value was made under the very conditions that hold now."""
        made = self._own.get(id(value))
        return made is not None and made[0] is value and made[1] == tuple(self.conditions)

    def yielded(self, items: list[Any] | None) -> None:
        """Takes what a generator gives; None when that is not known."""
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.yielded is not None:
            if items is None or len(frame.yielded) + len(items) > MAX_ROUNDS:
                frame.yielded = None
            else:
                certain = not self.conditions or not frame.conditions < len(self.conditions)
                frame.yielded.extend(items if certain else [Unknown("depends on a condition not known")])

    # Expressions and calls

    def evaluate(self, node: ast.expr, scope: Scope) -> Any:
        """The expression's value; Unknown where it cannot be known."""
        if type(node) is ast.Constant:
            return node.value
        self._steps += 1
        if self._steps > self._max_steps:
            raise Exhausted
        if self._nesting >= self._max_nesting:
            return Unknown("is nested too deeply to be followed")
        self._nesting += 1
        try:
            handler = _EXPRESSIONS.get(type(node))
            return handler(self, node, scope) if handler else Unknown()
        finally:
            self._nesting -= 1

    def name(self, name: str, scope: Scope) -> Any:
        """What a name stands for."""
        value = settled(self, scope.lookup(name))
        if isinstance(value, Lazy):
            value = self.member(value.path, value.name)
        if value is not MISSING:
            return value
        return External(f"builtins.{name}") if name in _BUILTINS else Unknown(f"uses the unknown name {name}")

    def call(self, function: Any, args: list[Any], keywords: dict[str, Any], origin: Call) -> Any:
        """Calls a value with arguments that are values already."""
        return calls.call_value(self, function, Call(origin.node, origin.script, args, keywords))

    def text_of(self, value: Any) -> Any:
        """`str(value)` of what is no plain value; MISSING when nothing special is known of it."""
        if isinstance(value, str | int | float | list | dict | tuple | Unknown | type(None)):
            return MISSING
        return library.text_of(self, value, self.call_from_nowhere())

    def call_from_nowhere(self) -> Call | None:
        """A call that the script does not write down, as that of a function by Python itself."""
        script = self.modules.script(self.entry)
        return Call(script.tree, script, [], {}) if script else None

    def imported(self, dotted: str, importer: str, level: int) -> Any:
        """What `import dotted` means."""
        return self._imported(dotted, importer, level)

    def add_folder(self, folder: str, first: bool) -> None:
        """Looks for modules in a further folder; what seemed to have nothing to do with parsers is looked at anew."""
        self.modules.add_folder(folder, first)
        self._names.clear()
        self._interest.clear()

    def external(self, dotted: str) -> Any:
        """Something of the world outside by its dotted name: its value where that is known by heart."""
        return self._constants[dotted] if dotted in self._constants else External(dotted)

    def is_watched(self, model: Modelled) -> bool:
        """Whether the model has methods whose calls must not be lost."""
        return not self._watched.keys().isdisjoint(model.methods())

    def lost(self, node: ast.Attribute, function: Any, scope: Scope) -> None:
        """Says it when a call that should not be lost is made on something that cannot be followed."""
        code = self._watched.get(node.attr)
        if code is not None:
            receiver = scope.script.source(node.value)
            why = f"it is called on `{receiver}`, which {why_unknown(function)}"
            self.tell(code, scope.script.place(node), why=why)

    def follow(self, function: Function, call: Call, receiver: Any = MISSING) -> Any:
        """Runs a function of the repository with the call's arguments, if it is worth it."""
        args = call.args if receiver is MISSING else [receiver, *call.args]
        concerned = self._concerned(function, args, call.keywords)
        if not concerned and not self._small(function):
            return Unknown(f"is computed by {function.name}()")
        running = sum(frame.function is function for frame in self._frames)
        if running >= 2 or len(self._frames) >= MAX_CALLS:
            return Unknown(f"is computed by {function.name}(), which calls itself")
        self._steps += STEPS_OF_A_CALL
        scope = Scope(function.scope.script, outer=function.scope, module_level=function.scope.module_level)
        if not calls.bind_arguments(function, args, call, scope):
            return Unknown(f"is computed by {function.name}()")
        if isinstance(function.node, ast.Lambda):
            return self.evaluate(function.node.body, scope)
        if function.node.args.kwarg is not None:
            self.own(scope.names[function.node.args.kwarg.arg])
        frame = _Frame(function, receiver)
        frame.conditions = len(self.conditions)
        frame.handed = any(isinstance(arg, Modelled) for arg in args)
        frame.small = not concerned
        self._frames.append(frame)
        may_leave, self._may_leave = self._may_leave, False
        try:
            self._block(function.node.body, scope)
        except Read:
            # It may have returned before, on a way that is not known.
            if not (frame.returned and self._may_leave):
                raise
        except Finished:
            raise
        except Stopped:
            # It may have returned before, on a way that is not known.
            if not (frame.returned and self._may_leave):
                raise
        except TooDeep:
            path = scope.script.path
            why = "its calls or statements are nested too deeply"
            self.tell("file-unfollowed", Place(path), file=path, why=why)
        finally:
            self._frames.pop()
            self._may_leave = may_leave
            del self.conditions[frame.conditions :]
        if calls.is_generator(function.node, scope.script):
            return (
                frame.yielded if frame.yielded is not None else Unknown(f"is computed by {function.name}()")
            )
        return _one_of(frame.returned, function.name)

    def frame_function(self) -> tuple[Function | None, Any]:
        """The function that runs now and the object it was called on, for `super()`."""
        frame = self._frames[-1] if self._frames else None
        return (frame.function, frame.receiver) if frame else (None, MISSING)

    def _concerned(self, function: Function, args: list[Any], keywords: dict[str, Any]) -> bool:
        """Whether a call has to do with parsers, or its value is wanted for one."""
        if self.wanted or isinstance(function.node, ast.Lambda):
            return True
        if any(calls.carries_model(arg) for arg in (*args, *keywords.values())):
            return True
        if self._concerns_parsers(function.node, function.scope):
            return True
        owner = function.owner
        if owner is not None and function.name == "__init__":
            # What the object's other methods give to a parser is made here.
            return owner.name in self._interesting_names(owner.scope.script)
        around = function.scope
        return around is not around.module_level and any(
            calls.carries_model(one) for one in around.names.values()
        )

    def _small(self, function: Function) -> bool:
        """Whether a function that has nothing to do with parsers costs so little that it is followed all the same."""
        if sum(one.small for one in self._frames) >= SMALL_CALLS:
            return False
        beside = self.decorating or any(not one.small for one in self._frames)
        return _lines(function.node) < (LINES_BESIDE if beside else SMALL_LINES)

    def _concerns_parsers(self, node: ast.AST, scope: Scope) -> bool:
        """Whether code mentions parsers, or a name of the same file whose code does, and so on."""
        if id(node) not in self._interest:
            words = scope.script.words(node)
            self._interest[id(node)] = not words.isdisjoint(self._interesting_names(scope.script))
        return self._interest[id(node)]

    def _imported_names(self, script: Script) -> set[str]:
        """Names of other files' code that deals with parsers, as far as this file can mean them."""
        own = {
            node.name
            for node in script.nodes
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        }
        return {
            name
            for name in self.modules.names_elsewhere(script)
            if not (name.startswith("__") and name.endswith("__"))
            and (name not in own or f".{name}" in script.text)
        }

    def _interesting_names(self, script: Script) -> set[str]:
        if script.path not in self._names:
            found = set(self._keywords) | self._imported_names(script)
            waiting = [
                (node.name, script.words(node))
                for node in script.nodes
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            ]
            grown = True
            while grown:
                grown = False
                for name, names in waiting:
                    if name not in found and name not in COMMON and not names.isdisjoint(found):
                        found.add(name)
                        grown = True
            self._names[script.path] = found
        return self._names[script.path]


def _told_to_checkers(script: Script) -> Iterator[ast.ImportFrom]:
    """The imports below `if TYPE_CHECKING:` at the top of a module."""
    for node in script.tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in script.source(node.test):
            yield from (one for one in ast.walk(node) if isinstance(one, ast.ImportFrom))


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> int:
    """Lines of a function without its docstring."""
    first = node.lineno
    if not isinstance(node, ast.Lambda) and isinstance(node.body[0], ast.Expr) and len(node.body) > 1:
        first = node.body[1].lineno
    return (node.end_lineno or node.lineno) - first


_ABOVE: Mapping[str, frozenset[str]] = {
    "KeyError": frozenset({"LookupError"}),
    "IndexError": frozenset({"LookupError"}),
    "ModuleNotFoundError": frozenset({"ImportError"}),
    "ZeroDivisionError": frozenset({"ArithmeticError"}),
}
_EVERYTHING = frozenset({"Exception", "BaseException"})


def _names_of(handler: ast.ExceptHandler) -> list[str]:
    """The exceptions that a clause catches, without their modules; `Exception` for a bare one."""
    if handler.type is None:
        return ["Exception"]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in kinds]


def _caught(node: ast.Try) -> set[str]:
    """Names of exceptions that are waited for here; a clause for everything counts around a few lines only."""
    names = {name for handler in node.handlers for name in _names_of(handler)}
    first, last = node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno
    if not names.isdisjoint(_EVERYTHING) and last - first < SHORT_TRY:
        names |= operations.CERTAIN | {"ImportError", "ArgumentError"}
    return names


def _handler_of(node: ast.Try, stopped: Stopped) -> ast.ExceptHandler | None:
    """The clause that catches it; the first one when it is not known what was raised."""
    if not isinstance(stopped, Raised):
        return node.handlers[0] if node.handlers else None
    wanted = {stopped.kind, *_ABOVE.get(stopped.kind, ()), *_EVERYTHING}
    return next((one for one in node.handlers if not wanted.isdisjoint(_names_of(one))), None)


def _merged(ends: list[tuple[str, dict[str, Any]]], source: str) -> dict[str, Any]:
    """The names after several ways: what all agree on, else which it is on which way."""
    if len(ends) == 1:
        return ends[0][1]
    merged = dict(ends[0][1])
    different: dict[str, None] = {}
    for _, other in ends[1:]:
        for name in {**merged, **other}:
            left, right = merged.get(name, MISSING), other.get(name, MISSING)
            if left is not right and (left is MISSING or right is MISSING or not alike(left, right)):
                different[name] = None
    for name in different:
        ways = (((condition,), names.get(name, MISSING)) for condition, names in ends)
        merged[name] = either(f"depends on `{source}`", *ways)
    return merged


def _one_of(returned: list[Way], name: str) -> Any:
    """What a function gave back, when all its ways agree; else which it is on which way."""
    if not returned:
        return None
    ways: list[Way] = []
    before: tuple[str, ...] = ()
    for conditions, value in returned:
        ways.append((conditions or before, value))
        before = (*before, *negated(conditions))
    return joined(f"is one of several results of {name}()", ways)


_STATEMENTS: Mapping[type[ast.stmt], Callable[..., str | None]] = {
    ast.Expr: Machine._expression,
    ast.Assign: Machine._assign,
    ast.AnnAssign: Machine._annotated_assign,
    ast.AugAssign: Machine._augmented_assign,
    ast.FunctionDef: Machine._define,
    ast.AsyncFunctionDef: Machine._define,
    ast.ClassDef: Machine._class,
    ast.Return: Machine._return,
    ast.Raise: Machine._raise,
    ast.Assert: Machine._assert,
    ast.If: Machine._if,
    ast.For: Machine._for,
    ast.AsyncFor: Machine._for,
    ast.While: Machine._while,
    ast.With: Machine._with,
    ast.AsyncWith: Machine._with,
    ast.Try: Machine._try,
    ast.TryStar: Machine._try,
    ast.Import: Machine._import,
    ast.ImportFrom: Machine._import_from,
    ast.Global: Machine._global,
    ast.Nonlocal: Machine._nonlocal,
    ast.Delete: Machine._delete,
    ast.Break: Machine._break,
    ast.Continue: Machine._continue,
    ast.Match: Machine._match,
}
_EXPRESSIONS: Mapping[type[ast.expr], Callable[..., Any]] = {**expressions.HANDLERS, ast.Call: calls.call}
