"""Run as a program: lets one script run up to its command line and writes down what argparse holds there.

    python -I -S hook.py SCRIPT ROOT MODULE VARIANT OUT SCRATCH

SCRIPT is started as `python SCRIPT`, or as `python -m MODULE` when MODULE is not "-". Absent packages are stood in
for. VARIANT (a or b) chooses how the stand-ins and the machine look: what differs between the two does not follow
from the source alone. Nothing of the script is trusted: writing, programs and the network are refused.
Only the standard library: nothing else may be importable for the script.
"""

import argparse
import builtins
import enum
import importlib.abc
import importlib.machinery
import io
import json
import math
import os
import pathlib
import resource
import runpy
import signal
import sys
import types
import typing
import warnings

SECONDS = 20
SECONDS_AFTER_KNOWN = 5
MEMORY = 4 << 30
SENTINEL = "--sentinel-of-the-hook"
STANDARD_GROUPS = ("options", "optional arguments", "positional arguments")
LONGEST = 3000

SCRIPT, ROOT, MODULE, VARIANT, OUT, SCRATCH = sys.argv[1:7] if __name__ == "__main__" else [""] * 6
FIRST = VARIANT == "a"
COUNT = 0 if FIRST else 2
NUMBER = 1 if FIRST else 2
MARK = f"<absent {VARIANT}>"


# What stands in for absent packages -----------------------------------------------------------------------


class AbsentKind(type(typing.Protocol)):
    """The class of classes that stand-ins become when a script inherits from them."""

    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return Absent()


class AbsentBase(metaclass=AbsentKind):
    """What a class of the script inherits from in place of something absent."""

    def __init__(self, *args, **keywords):
        pass

    def __init_subclass__(cls, **keywords):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent()


class Absent:
    """Anything at all that an absent package might hold."""

    def __mro_entries__(self, bases):
        others = [one for one in bases if isinstance(one, type) and issubclass(one, AbsentBase)]
        first = next(one for one in bases if isinstance(one, Absent))
        return () if others or first is not self else (AbsentBase,)

    def __getattr__(self, name):
        if name == "__version__":
            return "99.0.0"
        if name in ("__name__", "__qualname__", "__module__"):
            return "absent_" + VARIANT
        if name.startswith("__"):
            raise AttributeError(name)
        made = Absent()
        self.__dict__[name] = made
        return made

    def __call__(self, *args, **keywords):
        escaped = [one for one in (*args, *keywords.values()) if isinstance(one, argparse._ActionsContainer)]
        if escaped:
            STATE["escaped"] = True
        if len(args) == 1 and not keywords and (callable(args[0]) or escaped):
            # a decorator gives back what it decorates, a registration its parser
            return args[0]
        return Absent()

    def __bool__(self):
        return FIRST

    def __len__(self):
        return COUNT

    def __iter__(self):
        return iter([Absent() for _ in range(wanted_items(sys._getframe(1)))])

    def __contains__(self, item):
        return FIRST

    def __int__(self):
        return NUMBER

    __index__ = __int__

    def __float__(self):
        return float(NUMBER)

    def __str__(self):
        return MARK

    __repr__ = __str__

    def __format__(self, form):
        return MARK

    def __fspath__(self):
        return "/" + MARK

    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other

    def __lt__(self, other):
        return False

    __le__ = __lt__

    def __gt__(self, other):
        return True

    __ge__ = __gt__

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def __getitem__(self, key):
        return Absent()

    def __setitem__(self, key, value):
        pass

    def __delitem__(self, key):
        pass

    def keys(self):
        return [MARK] * (COUNT > 0)

    def values(self):
        return [Absent()] * (COUNT > 0)

    def items(self):
        return [(MARK, Absent())] * (COUNT > 0)


def _operator(self, *others):
    return Absent()


for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "lshift",
    "rshift",
    "and",
    "or",
    "xor",
):
    setattr(Absent, f"__{_name}__", _operator)
    setattr(Absent, f"__r{_name}__", _operator)
for _name in ("neg", "pos", "abs", "invert", "round"):
    setattr(Absent, f"__{_name}__", _operator)


def wanted_items(frame):
    """How many items an unpacking assignment wants; else as many as the variant has."""
    code, at = frame.f_code.co_code, frame.f_lasti
    import dis

    name = dis.opname[code[at]]
    if name == "UNPACK_SEQUENCE":
        return code[at + 1]
    return code[at + 1] & 0xFF if name == "UNPACK_EX" else COUNT


class AbsentModule(types.ModuleType):
    """A module that is not there."""

    __version__ = "99.0.0"
    __all__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if f"{self.__name__}.{name}" in sys.modules:
            return sys.modules[f"{self.__name__}.{name}"]
        made = Absent()
        self.__dict__[name] = made
        return made

    def __call__(self, *args, **keywords):
        return Absent()(*args, **keywords)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last finder: every module that is neither the script's own nor the standard library's."""

    NEVER = frozenset({"sitecustomize", "usercustomize", "readline", "org", "java", "winreg", "msvcrt", "nt"})

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or name in self.NEVER:
            return None
        if name.endswith(".__main__"):
            return None
        STATE["absent"].add(name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        made = AbsentModule(spec.name)
        made.__path__ = []
        return made

    def exec_module(self, module):
        pass


def forgiving(loader):
    """A module of the corpus that cannot be imported is stood in for, and noted."""
    original = loader.exec_module

    def exec_module(self, module):
        try:
            original(self, module)
        except Exception as error:
            path = getattr(self, "path", "") or ""
            if not path.startswith(ROOT) or is_absent_error(error):
                raise
            why = f"{type(error).__name__}: {error}"[:200]
            STATE["broken"].append([os.path.relpath(path, ROOT), why, adds_arguments(path)])
            if not isinstance(module, AbsentModule):
                module.__class__ = AbsentModule

    loader.exec_module = exec_module


def adds_arguments(path):
    with open(path, "rb") as stream:
        return b"add_argument" in stream.read()


def is_absent_error(error):
    """Whether a script may be meant to catch it: an import that fails on purpose."""
    return isinstance(error, ImportError) and getattr(error, "name", None) in Finder.NEVER


def is_absent(value, depth=0):
    if isinstance(value, Absent | AbsentModule):
        return True
    if isinstance(value, type):
        return issubclass(value, AbsentBase)
    if isinstance(value, str):
        return MARK in value or "absent_" + VARIANT in value or "99.0.0" in value
    if depth < 3 and isinstance(value, list | tuple | set | frozenset):
        return any(is_absent(one, depth + 1) for one in value)
    if depth < 3 and isinstance(value, dict):
        return any(is_absent(one, depth + 1) for pair in value.items() for one in pair)
    return False


# What argparse holds --------------------------------------------------------------------------------------

UNKNOWN = {"unknown": True}
STATE = {"absent": set(), "broken": [], "escaped": False, "records": [], "kept": {}, "end": "", "busy": False}


def plain(value, depth=0):
    """The value as JSON, as the parser writes it; UNKNOWN when it does not follow from the source alone."""
    if is_absent(value):
        return UNKNOWN
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"object": repr(value)}
    if isinstance(value, pathlib.PurePath):
        value = str(value)
    if isinstance(value, str):
        value = str.__str__(value)
        return UNKNOWN if ROOT in value or SCRATCH in value else value
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    if depth < 6 and isinstance(value, list | tuple | range) and len(value) <= LONGEST:
        return together([plain(one, depth + 1) for one in value])
    if depth < 6 and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        items = {key: plain(one, depth + 1) for key, one in value.items()}
        return next((one for one in items.values() if marked(one)), items)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and value in (stream, getattr(stream, "buffer", None)):
            return {"object": f"sys.{name}"}
    return {"object": type(value).__name__}


def marked(value):
    return isinstance(value, dict) and len(value) == 1 and ("unknown" in value or "object" in value)


def together(items):
    return next((one for one in items if marked(one)), items)


def action_name(parser, action):
    """The word that add_argument was given, or the class's name."""
    if is_absent(type(action)):
        return UNKNOWN
    for word, kind in argparse.ArgumentParser(add_help=False)._registries["action"].items():
        if word is not None and kind is type(action):
            return word
    return type(action).__name__


def type_name(parser, action, name):
    if name in ("store_true", "store_false", "BooleanOptionalAction", "help", "version"):
        return "bool"
    if name == "count":
        return "int"
    if name in ("store_const", "append_const"):
        return type(action.const).__name__ if isinstance(action.const, bool | int | float) else "str"
    kind = action.type
    if kind is None:
        return "str"
    if is_absent(kind):
        return UNKNOWN
    if isinstance(kind, str):
        kind = parser._registry_get("type", kind, kind)
        if isinstance(kind, str):
            return kind
    found = getattr(kind, "__name__", type(kind).__name__)
    return "lambda" if found == "<lambda>" else found


def described(parser, action, subcommand):
    """One action with the fields of the contract, and those beyond it."""
    default = action.default
    name = action_name(parser, action)
    raw = default
    if isinstance(default, str) and default is not argparse.SUPPRESS and not is_absent(default):
        try:
            default = UNKNOWN if is_absent(action.type) else plain(parser._get_value(action, default))
        except BaseException:
            default = {"object": "an error"}
    elif default is argparse.SUPPRESS:
        default = None
    else:
        default = plain(default)
    choices = action.choices
    if choices is not None:
        try:
            choices = UNKNOWN if is_absent(choices) else list(choices)[: LONGEST + 1]
        except BaseException:
            choices = {"object": "choices"}
        if isinstance(choices, list):
            choices = together([plain(one, 1) for one in choices]) if len(choices) <= LONGEST else UNKNOWN
    try:
        printed = action.help and parser._get_formatter()._expand_help(action)
    except BaseException:
        printed = None
    groups = [group.title for group in parser._action_groups if action in group._group_actions]
    mutex = [
        index
        for index, group in enumerate(parser._mutually_exclusive_groups)
        if action in group._group_actions
    ]
    metavar = action.metavar
    help_ = action.help
    return {
        "flags": [str(flag) for flag in action.option_strings],
        "dest": None if action.dest is argparse.SUPPRESS else plain(action.dest),
        "type": type_name(parser, action, name),
        "default": default,
        "default_given": plain(raw) if isinstance(raw, str) else None,
        "required": plain(action.required) if is_absent(action.required) else bool(action.required),
        "choices": choices,
        "nargs": plain(action.nargs),
        "action": name,
        "const": plain(action.const),
        "metavar": list(metavar) if isinstance(metavar, tuple) and not is_absent(metavar) else plain(metavar),
        "help": None if help_ is argparse.SUPPRESS else plain(help_),
        "help_printed": plain(printed) if isinstance(printed, str) else None,
        "group": groups[-1] if groups and groups[-1] not in STANDARD_GROUPS else None,
        "mutex": mutex[-1] if mutex else None,
        "subcommand": list(subcommand),
    }


def walk(parser, subcommand=()):
    """All actions of a parser, then those of its subcommands."""
    nested = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            nested.append(action)
        elif not isinstance(action, argparse._HelpAction | argparse._VersionAction):
            yield described(parser, action, subcommand)
    for action in nested:
        seen = set()
        for name, child in action.choices.items():
            if id(child) not in seen and isinstance(child, argparse.ArgumentParser):
                seen.add(id(child))
                yield from walk(child, (*subcommand, str(name)))


def finish(end):
    """Writes what was seen and ends the process at once, whatever the script still holds open."""
    STATE["busy"] = True
    told = {name: STATE[name] for name in ("broken", "escaped", "records")}
    told.update(end=end, absent=sorted(STATE["absent"]))
    ALLOWED.append(OUT)
    text = json.dumps(told)
    handle = os.open(OUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    while text:
        text = text[os.write(handle, text.encode("ascii")) :]
    os._exit(0)


def with_defaults(parser, namespace):
    """What the script would be given for an empty command line, required arguments left out."""
    namespace = argparse.Namespace() if namespace is None else namespace
    for action in parser._actions:
        if not isinstance(action.dest, str) or argparse.SUPPRESS in (action.dest, action.default):
            continue
        if not hasattr(namespace, action.dest):
            value = action.default
            if isinstance(value, str):
                try:
                    value = parser._get_value(action, value)
                except Exception:
                    value = action.default
            setattr(namespace, action.dest, value)
    for name, value in parser._defaults.items():
        if not hasattr(namespace, name):
            setattr(namespace, name, value)
    return namespace


def from_command_line(args):
    if args is None:
        return True
    try:
        items = list(args)
    except TypeError:
        return True
    return any(is_absent(one) or (isinstance(one, str) and SENTINEL in one) for one in items)


def importing(frame):
    """Whether a module other than the script itself is being imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def hooked(original):
    def parse(self, args=None, namespace=None):
        if STATE["busy"] or not from_command_line(args):
            return original(self, args, namespace)
        STATE["busy"] = True
        # The last look at a parser counts; it is kept alive so that no other one gets its id.
        STATE["kept"][id(self)] = self
        records = [one for one in STATE["records"] if one["parser"] != id(self)]
        STATE["records"] = [*records, {"parser": id(self), "parameters": list(walk(self))}]
        STATE["busy"] = False
        caller = sys._getframe(1)
        # a script may have functions of these names, too
        own = caller.f_code.co_filename == argparse.__file__
        final = own and caller.f_code.co_name in ("parse_args", "parse_intermixed_args")
        if final and not importing(caller):
            finish("parsed")
        signal.alarm(SECONDS_AFTER_KNOWN)
        # what is left over may be handed to the next parser
        left = [] if final else list(sys.argv[1:] if args is None else args)
        return with_defaults(self, namespace), left

    return parse


# What is refused ------------------------------------------------------------------------------------------

ALLOWED = []
REFUSED = frozenset(
    {
        *("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"),
        *("os.remove", "os.rmdir", "os.rename", "os.mkdir", "os.chmod", "os.chown", "os.symlink", "os.link"),
        *("os.kill", "os.killpg", "os.truncate", "os.utime", "os.setxattr", "pty.spawn"),
        *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"),
        *(
            "ctypes.dlopen",
            "shutil.rmtree",
            "shutil.move",
            "urllib.Request",
            "webbrowser.open",
            "sqlite3.connect",
        ),
    }
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def audit(event, args):
    if event == "open":
        path, _, flags = args
        if isinstance(flags, int) and flags & WRITING and not isinstance(path, int):
            where = os.path.abspath(os.fsdecode(path))
            if where not in ALLOWED and not where.startswith("/dev/"):
                raise PermissionError(f"writing is refused: {where}")
    elif event == "ctypes.dlopen":
        if args[0] is not None and "/" in os.fsdecode(args[0]):
            raise PermissionError(f"refused: {event}")
    elif event in REFUSED:
        raise PermissionError(f"refused: {event}")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS * 2, SECONDS * 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, lambda *_: finish("time is over"))
    signal.alarm(SECONDS)


def machine():
    """What the script may see of the machine differs between the variants."""
    os.cpu_count = lambda: NUMBER + 3
    if hasattr(os, "sched_getaffinity"):
        os.sched_getaffinity = lambda pid: set(range(NUMBER + 3))
    os.getcwd = lambda: SCRATCH
    os.mkdir = os.makedirs = lambda *args, **keywords: None
    builtins.open = io.open = open_for_reading(builtins.open)
    home = f"{SCRATCH}/home-{VARIANT}"
    seen = {"HOME": home, "USER": VARIANT, "LOGNAME": VARIANT, "HOSTNAME": VARIANT, "TMPDIR": SCRATCH}
    seen.update(RANK=str(NUMBER), LOCAL_RANK=str(NUMBER), WORLD_SIZE=str(NUMBER + 3))
    os.environ.update(seen)


def open_for_reading(original):
    """What a script writes before it looks at its command line goes nowhere."""

    def opened(file, mode="r", *args, **keywords):
        if isinstance(mode, str) and set(mode) & set("wax+") and not isinstance(file, int):
            file = os.devnull
            mode = mode.replace("x", "w")
        return original(file, mode, *args, **keywords)

    return opened


def run():
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    standard = [path for path in sys.path if path and path != os.path.dirname(os.path.abspath(__file__))]
    here = os.path.dirname(SCRIPT)
    folders = [ROOT, os.path.join(ROOT, "src")] if MODULE != "-" else [here, ROOT, os.path.join(ROOT, "src")]
    if "stdlib" in os.path.basename(ROOT):
        folders = []
    sys.path[:] = [*dict.fromkeys(folders), *standard]
    sys.argv = [SCRIPT, SENTINEL]
    sys.meta_path.append(Finder())
    forgiving(importlib.machinery.SourceFileLoader)
    argparse.ArgumentParser.parse_known_args = hooked(argparse.ArgumentParser.parse_known_args)
    intermixed = argparse.ArgumentParser.parse_known_intermixed_args
    argparse.ArgumentParser.parse_known_intermixed_args = hooked(intermixed)
    typing.override = getattr(typing, "override", lambda function: function)
    machine()
    sys.addaudithook(audit)
    limit()
    try:
        if MODULE != "-":
            runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
        else:
            main = types.ModuleType("__main__")
            main.__dict__.update(__file__=SCRIPT, __builtins__=builtins, __package__=None, __spec__=None)
            sys.modules["__main__"] = main
            with open(SCRIPT, "rb") as stream:
                code = compile(stream.read(), SCRIPT, "exec", dont_inherit=True)
            exec(code, main.__dict__)
        end = "returned"
    except BaseException as error:
        end = f"{type(error).__name__}: {error}"[:300]
    signal.alarm(0)
    finish(end)


if __name__ == "__main__":
    run()
