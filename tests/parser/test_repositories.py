"""Whole repositories: which script is the entry point, what is refused, and that everything is told at once."""

import json
from pathlib import Path

import pytest
from repositories import HEAD, PATHS, STAND_INS, TAIL, codes, report, source

from parser.edits import apply
from parser.model import Kind, Severity
from parser.module import slug
from parser.read import read
from parser.source import Entry, Source, load_source, wanted
from parser.wire import canonical, interface_to_dict, module_to_dict, report_to_dict

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "add-noise"
SCRIPT = HEAD + PATHS + TAIL
PROCESSOR = (
    STAND_INS
    + "@data_processor(name='Annotated', type='ALGORITHM', input_type='TEXT', output_type='MODEL')\n"
)
ANNOTATED = PROCESSOR + "def f(): pass\n"


def errors(found) -> list[str]:
    return [one.code for one in found.problems if one.severity is Severity.ERROR]


def test_the_sample_is_read_without_a_single_problem() -> None:
    found = read(load_source(SAMPLE), "a project")
    assert found.problems == ()
    module = found.module
    assert (module.name, module.slug, module.kind) == ("Add Noise", "add-noise", Kind.OPERATION)
    assert (module.input_type, module.output_type, module.main) == ("IMAGE", "IMAGE", "im_add_noise.py")
    modes = next(one for one in module.parameters if one.name == "mode")
    assert (modes.default, modes.choices[0], modes.choices[-1]) == ("gaussian", "gaussian", "speckle")
    assert [one.name for one in module.requirements.items] == ["numpy", "scikit-image"]


def test_an_entry_point_in_a_folder_with_a_helper_module_is_followed() -> None:
    files = {
        "tool/__init__.py": "",
        "tool/run.py": "from tool.options import build_parser\nfrom .limits import *\n"
        "def main():\n    parser = build_parser(MOST)\n    parser.parse_args()\n"
        "if __name__ == '__main__':\n    main()\n",
        "tool/options.py": "import argparse\nfrom tool import limits\n\ndef build_parser(most):\n"
        "    p = argparse.ArgumentParser()\n"
        "    p.add_argument('--input-path', required=True)\n    p.add_argument('--output-path', required=True)\n"
        "    p.add_argument('--size', type=int, default=most, choices=limits.SIZES)\n    return p\n",
        "tool/limits.py": "MOST = 3\nSIZES = [1, 2, MOST]\n",
    }
    found = report(files)
    assert errors(found) == ["import-relative"], "read all the same"
    assert found.module.main == "tool/run.py"
    size = found.module.parameters[2]
    assert (size.default, size.choices, size.place.file) == (3, (1, 2, 3), "tool/options.py")


def test_the_annotated_script_is_the_entry_point_even_when_others_parse_arguments() -> None:
    found = report({"other.py": SCRIPT, "main.py": ANNOTATED + SCRIPT})
    assert found.module.main == "main.py"
    assert (found.module.name, found.module.kind) == ("Annotated", Kind.ALGORITHM)


def test_tests_and_set_up_scripts_are_no_candidates() -> None:
    found = report(
        {"run.py": SCRIPT, "tests/test_run.py": SCRIPT, "setup.py": SCRIPT, "docs/conf.py": SCRIPT}
    )
    assert found.module.main == "run.py"


def test_two_candidates_are_both_named_and_none_is_guessed() -> None:
    found = report({"a.py": SCRIPT, "b/c.py": SCRIPT})
    assert found.module is None
    assert errors(found) == ["several-entry-points"]
    assert "a.py, b/c.py" in found.problems[0].message


def test_the_settings_name_one_of_two_candidates() -> None:
    found = report(
        {"a.py": SCRIPT, "b/c.py": SCRIPT, ".mlreef.yaml": "entry_points:\n  main: ./b/c.py\n  train: a.py\n"}
    )
    assert found.module.main == "b/c.py"
    assert [point.role for point in found.module.entry_points] == ["main", "train"]
    assert errors(found) == []


@pytest.mark.parametrize("named", ["gone.py", "../run.py", "/etc/passwd", "", "sub", ".."])
def test_an_entry_point_that_does_not_exist_is_said_to_be_missing(named: str) -> None:
    found = report({"sub/run.py": SCRIPT, ".mlreef.yaml": f"entry_points: {{main: '{named}'}}"})
    assert errors(found) == ["entry-point-missing"]


def test_no_entry_point_at_all_is_an_error_that_says_what_to_do() -> None:
    found = report({"lib.py": "x = 1\n"})
    assert errors(found) == ["no-entry-point"]
    assert ".mlreef.yaml" in found.problems[-1].hint


def test_a_fire_script_is_named_when_no_entry_point_is_found() -> None:
    script = "import fire\ndef main(): pass\nif __name__ == '__main__':\n    fire.Fire(main)\n"
    found = report({"run.py": script})
    assert "other-framework" in errors(found)
    assert "fire" in found.problems[0].message


def test_a_script_without_a_main_guard_is_taken_with_a_note() -> None:
    found = report({"run.py": HEAD + PATHS + "parser.parse_args()\n"})
    assert errors(found) == []
    assert "entry-point-assumed" in codes(found)


def test_a_broken_script_that_could_be_meant_is_an_error_when_there_is_no_other() -> None:
    assert errors(report({"run.py": SCRIPT + "("})) == ["syntax-error"]


def test_a_broken_helper_is_an_error_because_the_script_imports_it() -> None:
    found = report({"run.py": "import helper\nx = helper.y\n" + SCRIPT, "helper.py": "def ("})
    assert errors(found) == ["syntax-error"]
    assert found.problems[0].place.file == "helper.py"


def test_all_faults_are_told_at_once() -> None:
    script = HEAD + "parser.add_argument('--input-path', type='int')\n" + TAIL
    found = report(
        {"run.py": script, "requirements.txt": "numpy=1\n", ".mlreef.yaml": "kind: TOY\nnmae: x\n"}
    )
    wanted_codes = {"argument-refused", "missing-parameter", "requirement-invalid", "settings-value"}
    assert wanted_codes == set(errors(found))
    assert "settings-unknown" in codes(found)
    assert list(found.problems) == sorted(
        found.problems, key=lambda p: (p.place is None, p.place and (p.place.file, p.place.line))
    )


def test_argparse_alone_is_enough_and_the_settings_say_the_rest() -> None:
    wishes = "name: From settings\nkind: visualization\ninput_type: TABULAR\noutput_type: IMAGE\n"
    wishes += "env: {A: 1.10, B: yes}\n"
    found = report({"run.py": SCRIPT, ".mlreef.yaml": wishes})
    assert found.problems == ()
    assert (found.module.name, found.module.slug) == ("From settings", "from-settings")
    assert (found.module.kind, found.module.input_type) == (Kind.VISUALIZATION, "TABULAR")
    assert found.settings.env == {"A": "1.10", "B": "yes"}


def test_without_any_description_the_defaults_are_taken_with_a_hint() -> None:
    found = report({"run.py": SCRIPT})
    assert (found.module.name, found.module.kind, found.module.input_type) == (
        "a project",
        Kind.OPERATION,
        "ANY",
    )
    assert codes(found) == ["module-defaults"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Add Noise", "add-noise"),
        ("  Ärger & Söhne!  ", "arger-sohne"),
        ("x" * 100, "x" * 63),
        ("a" * 62 + " b", "a" * 62),
        ("😀", ""),
        ("--a__b--", "a-b"),
    ],
)
def test_a_slug_is_lower_case_letters_digits_and_dashes(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize(
    "name", ['it\'s "$HOME" `id`', "😀", "\u202eright to left", "n" * 300, "${{ x }} $[[ y ]] *"]
)
def test_a_strange_name_arrives_unharmed(name: str) -> None:
    words = f"name={name!r}, type='OPERATION', input_type='ANY', output_type='ANY'"
    script = f"{STAND_INS}@data_processor({words})\ndef f(): pass\n"
    found = report({"run.py": script + SCRIPT})
    assert errors(found) == []
    assert found.module.name == name
    assert json.loads(canonical(module_to_dict(found.module)))["name"] == name
    assert canonical(module_to_dict(found.module)).isascii()


@pytest.mark.parametrize("name", ["a\nb", "n" * 301, "   ", "a\x1b[31m"])
def test_a_name_that_cannot_be_used_is_refused_with_a_reason(name: str) -> None:
    found = report({"run.py": f"{STAND_INS}@data_processor(name={name!r})\ndef f(): pass\n" + SCRIPT})
    assert errors(found) == ["name-refused"]
    assert found.problems[0].message.isprintable()


def test_the_interface_does_not_change_when_lines_move_or_help_changes() -> None:
    one = report({"run.py": HEAD + PATHS + "parser.add_argument('--a', help='x')" + TAIL}).module
    two = report(
        {"run.py": "# moved\n\n" + HEAD + PATHS + "parser.add_argument('--a', help='y')" + TAIL}
    ).module
    three = report({"run.py": HEAD + PATHS + "parser.add_argument('--a', default='z')" + TAIL}).module
    assert canonical(interface_to_dict(one)) == canonical(interface_to_dict(two))
    assert canonical(interface_to_dict(one)) != canonical(interface_to_dict(three))


def test_the_json_of_a_refused_repository_has_the_same_keys() -> None:
    good, bad = report_to_dict(report({"run.py": SCRIPT})), report_to_dict(report({}))
    assert good.keys() == bad.keys()
    assert bad["name"] is None
    assert bad["problems"][0]["severity"] == "error"


def test_a_directory_is_loaded_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("x = 1")
    repository = tmp_path / "repository"
    for folder in (".git", "__pycache__", "node_modules", "venv", "pkg"):
        (repository / folder).mkdir(parents=True)
        (repository / folder / "mod.py").write_text("x = 1")
    (repository / "venv" / "pyvenv.cfg").write_text("")
    (repository / "big.py").write_bytes(b"#" * (2 * 1024 * 1024))
    (repository / "data.bin").write_bytes(b"\0")
    (repository / "link.py").symlink_to(tmp_path / "secret.py")
    (repository / "folder").symlink_to(tmp_path)
    loaded = load_source(repository)
    assert (
        sorted(loaded.entries)
        == ["big.py", "data.bin", "folder", "link.py", "pkg/mod.py", "venv/pyvenv.cfg"][:5]
    )
    assert list(loaded.contents) == ["pkg/mod.py"]
    assert loaded.entries["link.py"].kind == loaded.entries["folder"].kind == "symlink"


@pytest.mark.parametrize(
    "path", ["a/b.py", "requirements.txt", "requirements-dev.txt", "requirements/base.txt", "README.md"]
)
def test_the_reader_wants(path: str) -> None:
    assert wanted(path)


@pytest.mark.parametrize(
    "path", ["mlreef.yml", ".gitlab-ci.yml", "data.csv", "a/README.md", "sub/.mlreef.yaml", "x.pyc"]
)
def test_the_reader_does_not_want(path: str) -> None:
    assert not wanted(path)


def test_a_script_that_lists_its_folder_finds_what_an_image_has() -> None:
    script = b"""
import argparse, os
p = argparse.ArgumentParser()
p.add_argument("--n", choices=os.listdir(os.path.dirname(__file__)))
p.parse_args()
"""
    files = {name: Entry(name, "file") for name in ("run.py", "mlreef.yml", "other.yml")}

    def choices(entries: dict[str, Entry]) -> object:
        module = read(Source(entries, {"run.py": script}), "p", entry_point="run.py").module
        assert module is not None
        return next(one for one in module.parameters if one.name == "n").choices

    assert choices(files) == ("other.yml", "run.py")
    # a checkout has the empty folder of a submodule, an image has not
    assert choices({**files, "more": Entry("more", "submodule")}) is None


def test_a_submodule_in_place_of_the_script_is_named() -> None:
    found = read(Source({"run.py": Entry("run.py", "submodule")}, {}), "p", entry_point="run.py")
    assert "submodule" in found.problems[0].message


def test_reading_twice_gives_equal_values() -> None:
    files = {"run.py": SCRIPT, "requirements.txt": "numpy\n"}
    assert read(source(files), "p") == read(source(files), "p")


def test_a_misspelt_word_in_the_settings_has_its_mend() -> None:
    wishes = "kind: ALGORITM\nname: ''\n"
    found = report({"run.py": SCRIPT, ".mlreef.yaml": wishes})
    told = next(one for one in found.problems if one.code == "settings-value")
    assert apply(wishes, told.edits).startswith("kind: ALGORITHM\n")
    refused = next(one for one in found.problems if one.code == "name-refused")
    assert (refused.place.file, refused.place.line) == (".mlreef.yaml", 2)
