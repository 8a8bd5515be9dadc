"""The command line of a control file: `train` and `run`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import predictions
from .bundle import BundleName, load_bundle
from .bundling import write_bundle
from .control import Control, load_control
from .faults import Fault, harmless
from .inputs import find_input
from .kept import KEPT
from .options import add_option, params_of


def run_command(control_file: Path, words: Sequence[str]) -> int:
    """The exit code. Whatever the control file itself raises goes on, with its traceback."""
    try:
        control = load_control(control_file)
        parser = build_parser(control_file.name, control)
        values = parser.parse_args(words)
        if values.command == "train" and control.train is not None:
            _train(control, control.train, values)
        else:
            _run(control, values)
    except Fault as fault:
        sys.stderr.write(f"{harmless(f'{control_file.name}: {fault}')}\n")
        return fault.code
    return 0


def build_parser(program: str, control: Control) -> argparse.ArgumentParser:
    """The parser of both commands; `train` is there if the control file has it."""
    parser = argparse.ArgumentParser(prog=program)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    if control.train is not None:
        train = commands.add_parser("train", help="train, and keep what was learnt")
        train.add_argument(
            "--input-path",
            required=True,
            metavar="FILE",
            help="the data to train on: a file, or a folder of files",
        )
        train.add_argument(
            "--output-path",
            required=True,
            metavar="FOLDER",
            help="where the bundle of what was learnt is written",
        )
        for option in control.params["train"]:
            add_option(train, option)
    run = commands.add_parser("run", help="run the pipeline on data")
    run.add_argument(
        "--input-path", required=True, metavar="FILE", help="the data to run on: a file, or a folder of files"
    )
    if control.train is not None:
        run.add_argument(
            "--model",
            metavar="BUNDLE",
            help="the bundle that train wrote, with its hash: FILE@sha256:HASH",
        )
    run.add_argument(
        "--output-path",
        required=True,
        metavar="FOLDER",
        help="where preds.json, preds.csv and report.html are written",
    )
    for option in control.params["run"]:
        add_option(run, option)
    return parser


def _train(control: Control, train: Callable[..., object], values: argparse.Namespace) -> None:
    data = find_input("--input-path", values.input_path)
    folder = _made(values.output_path)
    train(data, params_of(control.params["train"], values))
    if not KEPT.objects:
        _tell(
            "train has kept nothing (io.save_pipeline was not called), so there is no bundle. run needs no --model."
        )
        return
    bundle, sha256 = write_bundle(folder, control.name, KEPT)
    _tell(f"{len(KEPT.objects)} objects are kept in {bundle}")
    _tell(f"to use them: run --model {bundle}@sha256:{sha256}")


def _run(control: Control, values: argparse.Namespace) -> None:
    given = getattr(values, "model", None)
    if given is not None:
        # before anything is read: a wrong name is the caller's, and quickly told
        for warning in load_bundle(BundleName.read(given), control.name, KEPT):
            _tell(warning)
    data = find_input("--input-path", values.input_path)
    folder = _made(values.output_path)
    if control.train is not None and given is None:
        _tell("there is no --model, so the pipeline gets none, and no helper objects")
    params = params_of(control.params["run"], values)
    preds = predictions.read_predictions(control.run_pipeline(data, KEPT.model(), KEPT.args(), params))
    for path in predictions.write_predictions(preds, folder, control.name):
        _tell(f"wrote {path}")


def _made(text: str) -> Path:
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # hours of training are not lost at their end
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        raise Fault(
            f"--output-path {text}: {error.strerror}. Give a folder that can be written to; of a container, "
            "docker run --user says by whom."
        ) from None
    return folder


def _tell(words: str) -> None:
    sys.stderr.write(f"{harmless(f'mlopen: {words}')}\n")
