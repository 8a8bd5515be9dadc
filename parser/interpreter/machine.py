"""Follows a script from its first line: statements, names, branches, calls. Knows nothing of argparse."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from parser.interpreter import (
    branches,
    calls,
    exceptions,
    expressions,
    imports,
    library,
    loops,
    operations,
    statements,
)
from parser.interpreter.exceptions import ABOVE
from parser.interpreter.flow import Call, Exhausted, Finished, Raised, Read, Stopped, Thrown, TooDeep
from parser.interpreter.interest import Interest
from parser.interpreter.loops import MAX_ROUNDS
from parser.interpreter.modules import Modules
from parser.interpreter.values import (
    MISSING,
    Class,
    External,
    Function,
    Lazy,
    Located,
    Modelled,
    Scope,
    Unknown,
    known,
    why_unknown,
)
from parser.interpreter.ways import Condition, Way, joined, negated, settled
from parser.model import Place, Problem
from parser.problems import problem
from parser.script import Script

STEPS_OF_A_CALL = 8
"""Steps that following a function counts for, its own statements not included."""

ITEMS_OF_A_STEP = 16
"""Items of a list or dictionary that is copied which count for a step."""

STEPS_OF_A_MODULE = 2000
"""Steps that every further module of the repository adds to what may be taken: large repositories take longer."""

MODULES_WITH_STEPS = 150
"""Modules that add steps."""

MAX_CALLS = 20
"""Calls of the repository's functions inside each other."""

MAX_AGAIN = 12
"""Calls of one function inside each other, where it is known what it is called with; 2 where that is not."""

SMALL_LINES = 25
"""Lines of a function that is followed for its value although it has nothing to do with parsers."""

LINES_BESIDE = 100
"""The same for what a decorator or metaclass runs, as filling a table of commands, and for what code that deals with
parsers calls."""

SMALL_CALLS = 4
"""Calls inside each other within which such functions are followed."""

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
        self.max_nesting = modules.limits.depth
        self.models = known_by_heart.models
        self.constants = {**operations.CONSTANTS, **known_by_heart.constants}
        self._watched = known_by_heart.watched
        self._keywords = known_by_heart.keywords
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
        self._steps = 0
        self.nesting = 0
        self.frames: list[_Frame] = []
        self.scopes: dict[str, Scope] = {}
        self._interest = Interest(modules, known_by_heart.keywords)
        self._importing = 0
        self.may_leave = False
        self._recursive: set[int] = set()
        self.loops: list[set[int] | None] = []
        """The loops that run now: of those that add arguments the conditions under which they go on."""
        self.doubts = 0
        """How often something was done that may raise an exception when the script runs."""
        self.left: set[str] = set()
        self.ended: dict[int, str] = {}
        self.trying: list[set[str]] = []
        self.decorating = 0
        self.making: list[Class] = []
        self.in_any_order = 0
        """Inside how many loops over what has no order."""
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
            self.block(script.tree.body, scope)
        except Thrown as thrown:
            if script.path == self.entry:
                why = "it raises an exception there before it has parsed its arguments"
                self.tell("file-unfollowed", thrown.place, file=thrown.place.file, why=why)
            return
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
        wanted = {kind, *ABOVE.get(kind, ())}
        if any(not names.isdisjoint(wanted) for names in self.trying):
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
        self.scopes[script.path] = scope
        return scope

    def module(self, path: str) -> Scope | None:
        """The names of a repository's module, run when first asked for; None when it cannot be read."""
        if path in self.scopes:
            return self.scopes[path]
        script = self.modules.script(path)
        if script is None:
            return None
        dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        scope = self._module_scope(script, dotted)
        frames, conditions, wanted = self.frames, self.conditions, self.wanted
        supposing, self.supposing = self.supposing, 0
        assumed, self.assumed = self.assumed, []
        self.frames, self.conditions, self.wanted = [], [], 0
        trying, self.trying = self.trying, []
        self._importing += 1
        try:
            if len(self.scopes) <= MODULES_WITH_STEPS:
                self._max_steps += min(STEPS_OF_A_MODULE, self.modules.limits.steps // MODULES_WITH_STEPS)
            if len(self.scopes) > 1 and self.nesting > self.max_nesting - 20:
                raise TooDeep
            self._run_module(scope)
        finally:
            self.frames, self.conditions, self.wanted = frames, conditions, wanted
            self._importing -= 1
            self.trying = trying
            self.supposing, self.assumed = supposing, assumed
        return scope

    def names_in(self, path: str) -> Any:
        """The names of a repository's module and what they stand for: a dictionary, or Unknown."""
        return imports.names_in(self, path)

    def member(self, path: str, name: str) -> Any:
        """A name of a repository's module, or one of its submodules."""
        return imports.member(self, path, name)

    def bind(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Assigns to a name, attribute, item or a tuple of them."""
        statements.bind(self, target, value, scope)

    def function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, scope: Scope
    ) -> Function:
        """The function as a value, its defaults worked out."""
        return statements.function(self, node, name, scope)

    # Statements

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> str | None:
        """Runs statements; gives `return`, `break` or `continue` when one of them ends the block."""
        for statement in body:
            self._steps += 1
            if self._steps > self._max_steps:
                raise Exhausted
            handler = _STATEMENTS.get(type(statement))
            if handler is None:
                continue
            if self.nesting >= self.max_nesting:
                raise TooDeep
            self.nesting += 1
            try:
                signal = handler(self, statement, scope)
            finally:
                self.nesting -= 1
            if signal:
                return signal
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
        return id(condition) in self.ended and not self.is_here(condition)

    # What belongs to whom

    def elsewhere(self, conditions: Sequence[str]) -> bool:
        """Whether what happened under these conditions cannot have happened on the way that led here."""
        here = set(self.conditions)
        return any(one in self.left and one not in here for one in conditions)

    def own(self, value: Any) -> Any:
        """Notes that a value was made under the present conditions, so that changing it under them is certain."""
        if self.conditions or self.in_any_order:
            self._own[id(value)] = (value, (*self.conditions, str(self.in_any_order)))
        return value

    def is_own(self, value: Any) -> bool:
        """Whether the value was made under the very conditions that hold now."""
        made = self._own.get(id(value))
        return made is not None and made[0] is value and made[1] == (*self.conditions, str(self.in_any_order))

    def is_changed_in_any_order(self, value: Any) -> bool:
        """Whether the value is older than a loop over a set that runs now: what that leaves in it has no order."""
        return self.in_any_order > 0 and not self.is_own(value)

    def yielded(self, items: list[Any] | None) -> None:
        """Takes what a generator gives; None when that is not known."""
        frame = self.frames[-1] if self.frames else None
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
        if self.nesting >= self.max_nesting:
            return Unknown("is nested too deeply to be followed")
        self.nesting += 1
        try:
            handler = _EXPRESSIONS.get(type(node))
            return handler(self, node, scope) if handler else Unknown()
        finally:
            self.nesting -= 1

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

    def safely(self, work: Callable[[], Any]) -> Any:
        """What the work comes to, as a value that a parser needs; Unknown where it ends the script or has no end."""
        self.wanted += 1
        try:
            return work()
        except (Stopped, TooDeep, Exhausted, RecursionError):
            return Unknown()
        finally:
            self.wanted -= 1

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
        return imports.imported(self, dotted, importer, level)

    def add_folder(self, folder: str, first: bool) -> None:
        """Looks for modules in a further folder; what seemed to have nothing to do with parsers is looked at anew."""
        self.modules.add_folder(folder, first)
        self._interest.forget()

    def external(self, dotted: str) -> Any:
        """Something of the world outside by its dotted name: its value where that is known by heart."""
        return self.constants[dotted] if dotted in self.constants else External(dotted)

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

    def adds_only(self) -> bool:
        """Whether the running function does nothing with parsers but add to one, which then is from outside of it."""
        function = self.frames[-1].function if self.frames else None
        if function is None:
            return False
        of_parsers = function.scope.script.words(function.node) & self._keywords
        return bool(of_parsers) and of_parsers <= self._watched.keys()

    def lost_in_text(self, call: Call) -> None:
        """Says it when text that is executed makes a call that should not be lost."""
        text = call.args[0] if call.args else None
        for name, code in self._watched.items():
            if isinstance(text, str) and name in text:
                self.tell(code, call.place, why="it stands in text that is executed")

    def follow(self, function: Function, call: Call, receiver: Any = MISSING) -> Any:
        """Runs a function of the repository with the call's arguments, if it is worth it."""
        args = call.args if receiver is MISSING else [receiver, *call.args]
        concerned = self._concerned(function, args, call.keywords)
        if not concerned and not self._small(function):
            return Unknown(f"is computed by {function.name}()")
        running = sum(frame.function is function for frame in self.frames)
        if running >= self._most_again(args) or len(self.frames) >= MAX_CALLS:
            self._note_recursion(function, args, call)
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
        self.frames.append(frame)
        may_leave, self.may_leave = self.may_leave, False
        try:
            self.block(function.node.body, scope)
        except Read:
            # It may have returned before, on a way that is not known.
            if not (frame.returned and self.may_leave):
                raise
        except Finished:
            raise
        except Stopped:
            # It may have returned before, on a way that is not known.
            if not (frame.returned and self.may_leave):
                raise
        except TooDeep:
            path = scope.script.path
            why = "its calls or statements are nested too deeply"
            self.tell("file-unfollowed", Place(path), file=path, why=why)
        finally:
            self.frames.pop()
            self.may_leave = may_leave
            del self.conditions[frame.conditions :]
        if calls.is_generator(function.node, scope.script):
            return (
                frame.yielded if frame.yielded is not None else Unknown(f"is computed by {function.name}()")
            )
        return _one_of(frame.returned, function.name)

    def _most_again(self, args: list[Any]) -> int:
        """How often a function is followed inside itself: further where it is known what it is called with."""
        clear = not self.conditions and all(known(one) or isinstance(one, Modelled) for one in args)
        return MAX_AGAIN if clear and self._steps < self._max_steps // 8 else 2

    def _note_recursion(self, function: Function, args: list[Any], call: Call) -> None:
        """Says it, once for each function, when one that adds arguments calls itself further than is followed."""
        adds = any(isinstance(one, Modelled) and self.is_watched(one) for one in args)
        if id(function.node) not in self._recursive and (
            adds or self.concerns_parsers(function.node, function.scope)
        ):
            self._recursive.add(id(function.node))
            why = f"{function.name}() calls itself more often than is followed"
            self.tell("file-unfollowed", call.place, file=call.script.path, why=why)

    def charge(self, items: int) -> None:
        """Counts what a container of so many items costs as steps."""
        self._steps += items // ITEMS_OF_A_STEP

    def frame_function(self) -> tuple[Function | None, Any]:
        """The function that runs now and the object it was called on, for `super()`."""
        frame = self.frames[-1] if self.frames else None
        return (frame.function, frame.receiver) if frame else (None, MISSING)

    def _concerned(self, function: Function, args: list[Any], keywords: dict[str, Any]) -> bool:
        """Whether a call has to do with parsers, or its value is wanted for one."""
        if self.wanted or isinstance(function.node, ast.Lambda):
            return True
        if any(calls.carries_model(arg) for arg in (*args, *keywords.values())):
            return True
        if self.concerns_parsers(function.node, function.scope):
            return True
        owner = function.owner
        if owner is not None and function.name == "__init__":
            # What the object's other methods give to a parser is made here.
            return owner.name in self._interest.names(owner.scope.script)
        around = function.scope
        return around is not around.module_level and any(
            calls.carries_model(one) for one in around.names.values()
        )

    def _small(self, function: Function) -> bool:
        """Whether a function that has nothing to do with parsers costs so little that it is followed all the same."""
        if sum(one.small for one in self.frames) >= SMALL_CALLS:
            return False
        # What a module calls when it is imported fills tables.
        at_import = self._importing > 0 and not self.frames
        beside = self.decorating or at_import or any(not one.small for one in self.frames)
        return _lines(function.node) < (LINES_BESIDE if beside else SMALL_LINES)

    def concerns_parsers(self, node: ast.AST, scope: Scope) -> bool:
        """Whether code mentions parsers, or a name of the same file whose code does, and so on."""
        return self._interest.concerns(node, scope.script)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> int:
    """Lines of a function without its docstring."""
    first = node.lineno
    if not isinstance(node, ast.Lambda) and isinstance(node.body[0], ast.Expr) and len(node.body) > 1:
        first = node.body[1].lineno
    return (node.end_lineno or node.lineno) - first


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
    **statements.HANDLERS,
    **branches.HANDLERS,
    **loops.HANDLERS,
    **exceptions.HANDLERS,
    **imports.HANDLERS,
}
_EXPRESSIONS: Mapping[type[ast.expr], Callable[..., Any]] = {**expressions.HANDLERS, ast.Call: calls.call}
