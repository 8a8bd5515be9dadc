"""Run as a program: `click FILE` or `absl FILE` prints, as JSON, what the library itself holds of the script."""

import json
import os
import runpy
import sys
from pathlib import Path


def plain(value):
    """The value as the reader writes it, or a mark for what JSON cannot hold."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if type(value).__name__ == "Colour":
        return value.name.lower()
    return value if isinstance(value, str | int | float | bool | type(None)) else {"object": str(value)}


def of_command(click, command, subcommand=()):
    """click's parameters of a command and of those below it, as the reader describes them."""
    context = click.Context(command)
    for one in command.params:
        option = isinstance(one, click.Option)
        default = (
            None if getattr(one, "callback", None) and one.name == "version" else one.get_default(context)
        )
        if "UNSET" in repr(default):
            default = None
        if default is not None:
            default = one.type_cast_value(context, default)
        elif not one.required and (one.nargs == -1 or getattr(one, "multiple", False)):
            default = ()
        yield {
            "flags": [*one.opts, *one.secondary_opts] if option else [],
            "dest": one.name,
            "type": one.type.name,
            "default": plain(default),
            "required": one.required,
            "choices": plain(list(one.type.choices)) if isinstance(one.type, click.Choice) else None,
            "help": getattr(one, "help", None),
            "values": one.nargs,
            "flag": bool(option and (one.is_flag or one.count)),
            "repeated": bool(option and one.multiple),
            "subcommand": list(subcommand),
        }
    for name, child in getattr(command, "commands", {}).items():
        yield from of_command(click, child, (*subcommand, name))


def of_flag(flag):
    """One flag of absl as the reader describes it."""
    names = [f"--{flag.name}", *([f"--no{flag.name}"] if flag.boolean else [])]
    choices = getattr(flag.parser, "enum_values", None) or getattr(flag.parser, "member_names", None)
    return {
        "flags": [*names, *([f"-{flag.short_name}"] if flag.short_name else [])],
        "dest": flag.name,
        "type": flag.flag_type(),
        "default": plain(flag.default),
        "choices": plain(choices),
        "flag": bool(flag.boolean),
        "repeated": flag.flag_type().startswith("multi"),
    }


def tell(found):
    """Prints the truth and ends the process."""
    print(json.dumps(list(found)))
    sys.stdout.flush()
    os._exit(0)


def main(kind, script):
    """Runs the script with the library's door replaced."""
    sys.path.insert(0, str(Path(script).parent))
    sys.argv = [script]
    if kind == "click":
        import click

        click.Command.main = lambda self, *args, **kwargs: tell(of_command(click, self))
    else:
        from absl import app, flags

        before = set(flags.FLAGS)

        def run(*args, **kwargs):
            seen = {id(flags.FLAGS[name]): flags.FLAGS[name] for name in flags.FLAGS if name not in before}
            tell(of_flag(one) for one in seen.values())

        app.run = run
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
