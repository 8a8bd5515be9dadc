"""Which environment a module gets, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from values import ENVIRONMENT, module

from bot.domain.choice import advise, plan_environment, refused_cuda, why_environment
from bot.domain.environments import Environment
from bot.domain.pipeline import PipelineSettings, read_pipeline_settings, render
from bot.domain.wishes import read_wish
from parser.model import Problem, Report
from parser.read import read
from parser.requirements.public import PYTORCH_CPU
from parser.source import Entry, Source

CPU = replace(ENVIRONMENT, name="cpu", image="cpu@sha256:" + "1" * 64)
GPU12 = replace(CPU, name="gpu-12", image="gpu@sha256:" + "2" * 64, gpu=True, cuda="12.4")
GPU11 = replace(GPU12, name="gpu-11", image="gpu@sha256:" + "3" * 64, cuda="11.8")
OLD = replace(CPU, name="old", image="old@sha256:" + "4" * 64, python="3.10")
SCRIPT = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--input-path")
parser.add_argument("--output-path")
parser.parse_args()
"""


def repository(requirements: str, **files: str) -> Report:
    """What is read of a script with these requirements; further files by name, `_` for a dot."""
    texts = {"main.py": SCRIPT, "requirements.txt": requirements}
    texts |= {name.replace("_", "."): text for name, text in files.items()}
    contents = {path: text.encode() for path, text in texts.items()}
    return read(Source({path: Entry(path, "file") for path in contents}, contents), "module")


def chosen(report: Report, *environments: Environment) -> Environment:
    found = plan_environment(report, environments, environments[0].name)
    assert isinstance(found, Environment), found
    return found


def refused(report: Report, *environments: Environment) -> Problem:
    found = plan_environment(report, environments, environments[0].name)
    assert isinstance(found, Problem), found
    return found


WHEELS = PYTORCH_CPU.rpartition("/")[0]
MADE_FOR_CUDA = {
    "torch==2.4.1+cu124\n": "12.4",
    f"--index-url {WHEELS}/cu118\ntorch\n": "11.8",
    f"--extra-index-url={WHEELS}/cu130/\ntorch\n": "13.0",
    f"torch @ {WHEELS}/cu121/torch-2.4.1%2Bcu121-cp312-cp312-linux_x86_64.whl\n": "12.1",
    "nvidia-cublas-cu12==12.4.5.8\n": "12",
    "nvidia-dali\n": None,
    "cupy-cuda12x\n": "12",
    "tensorflow[and-cuda]==2.17\n": None,
    "jax[cuda12]\n": "12",
    "jax[cuda12_pip]\n": "12",
    "onnxruntime-gpu\n": None,
    "faiss-gpu-cu12\n": "12",
    "numpy\ncupy-cuda12x\ntorch==2.4.1+cu124\n": "12.4",
}


@pytest.mark.parametrize(("requirements", "version"), MADE_FOR_CUDA.items())
def test_what_is_made_for_cuda_is_known_with_its_version(requirements: str, version: str | None) -> None:
    wish = read_wish(repository(requirements)).cuda
    assert wish is not None
    assert (wish.version, wish.place.file) == (version, "requirements.txt")


@pytest.mark.parametrize(
    "requirements",
    [
        "numpy\ntorch==2.4.1\njax\ntensorflow\n",
        f"torch==2.4.1+cpu\n--extra-index-url {PYTORCH_CPU}\n",
        "cupy-cuda12x; sys_platform == 'win32'\n",
        "nvidia-cublas-cu12; platform_machine == 'aarch64'\n",
        "--index-url https://pypi.example.com/curious/simple\nnumpy\n",
        "nvidia-ml-py\nbarracuda\ncudatoolkit-docs-cup\n",
    ],
)
def test_what_is_not_made_for_cuda_asks_for_none(requirements: str) -> None:
    assert read_wish(repository(requirements)).cuda is None


def test_cuda_without_a_graphics_card_is_refused_with_the_environment_to_name_and_the_line_to_write() -> None:
    report = repository("numpy\ntorch==2.4.1+cu124\n", _mlreef_yaml="environment: cpu\n")
    said = refused(report, CPU, GPU12, GPU11)
    assert said.code == "environment-without-gpu"
    assert said.place is not None
    assert (said.place.file, said.place.line) == ("requirements.txt", 2)
    assert "`gpu-12`" in said.hint
    assert "gpu-11" not in said.hint
    assert "torch==2.4.1+cpu" in said.hint
    assert f"--extra-index-url {PYTORCH_CPU}" in said.hint


def test_where_nobody_offers_cuda_the_way_without_it_is_told() -> None:
    said = refused(repository(f"--index-url {WHEELS}/cu124\ntorch\n"), CPU, OLD)
    assert said.code == "environment-without-gpu"
    assert f"--index-url {PYTORCH_CPU}" in said.hint


def test_the_only_environment_with_that_cuda_is_taken_and_the_choice_explained() -> None:
    report = repository("torch==2.4.1+cu124\n")
    found = chosen(report, CPU, GPU11, GPU12)
    assert (found.name, found.image, found.asked) == ("gpu-12", GPU12.image, False)
    assert why_environment(report, found) == (
        "gpu-12 (Python 3.12, CUDA 12.4): `torch==2.4.1+cu124` (requirements.txt:1) needs CUDA; "
        ".mlreef.yaml names none."
    )


def test_of_several_with_cuda_the_one_of_that_very_version_or_python_is_meant() -> None:
    newer = replace(GPU12, name="gpu-12.6", cuda="12.6")
    assert chosen(repository("torch==2.4.1+cu126\n"), CPU, GPU12, newer).name == "gpu-12.6"
    older = replace(GPU12, name="gpu-old", python="3.10")
    pinned = repository("cupy-cuda12x\n", **{"_python-version": "3.10\n"})
    assert chosen(pinned, CPU, GPU12, older).name == "gpu-old"


def test_between_several_with_cuda_an_author_decides() -> None:
    other = replace(GPU12, name="gpu-other", description="For training")
    said = refused(repository("torch==2.4.1+cu124\n"), CPU, GPU12, other)
    assert said.code == "environment-several"
    assert "`gpu-12` (Python 3.12, CUDA 12.4) or `gpu-other` (Python 3.12, CUDA 12.4; For" in said.message
    by_name = repository("torch==2.4.1+cu124\n", _mlreef_yaml="environment: gpu-other\n")
    assert chosen(by_name, CPU, GPU12, other).name == "gpu-other"


def test_a_default_with_cuda_is_kept() -> None:
    assert chosen(repository("torch==2.4.1+cu124\n"), GPU12, replace(GPU12, name="other")).name == "gpu-12"


@pytest.mark.parametrize("condition", ["python_version < '3.9'", "python_version >= '3.13'"])
def test_a_condition_on_python_counts_the_same_whoever_reads_it(condition: str) -> None:
    assert read_wish(repository(f"cupy-cuda12x; {condition}\n")).text == "cuda 12"
    assert read_wish(repository(f"cupy-cuda12x; {condition} and sys_platform == 'darwin'\n")).text == ""


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"_python-version": "3.10.14\n"}, "old"),
        ({"_python-version": "# ours\ncpython-3.12\n"}, "cpu"),
        ({"pyproject_toml": '[project]\nname = "m"\nrequires-python = ">=3.9,<3.12"\n'}, "old"),
        ({"pyproject_toml": '[project]\nname = "m"\nrequires-python = ">=3.12.4"\n'}, "cpu"),
        ({"pyproject_toml": '[tool.poetry.dependencies]\npython = "~3.10"\n'}, "old"),
        ({"_python-version": "system\n"}, "cpu"),
    ],
)
def test_the_python_that_is_wished_for_decides_where_nothing_else_does(
    files: dict[str, str], name: str
) -> None:
    assert chosen(repository("numpy\n", **files), CPU, OLD, GPU12).name == name


def test_a_python_that_nobody_offers_is_told_and_the_default_taken() -> None:
    report = repository("numpy\n", **{"_python-version": "3.14\n"})
    found = chosen(report, CPU, OLD)
    assert found.name == "cpu"
    assert [(one.code, one.place.file) for one in advise(report, found) if one.place] == [
        ("environment-python", ".python-version")
    ]


def test_conda_says_which_cuda_it_wants_and_brings_its_own_python() -> None:
    asked = "dependencies: [python=3.10, pytorch, pytorch-cuda=12.4]\n"
    files = {"main.py": SCRIPT, "environment.yml": asked, ".python-version": "3.10\n"}
    contents = {path: text.encode() for path, text in files.items()}
    report = read(Source({path: Entry(path, "file") for path in contents}, contents), "module")
    assert read_wish(report).text == "cuda 12.4"
    assert chosen(report, CPU, GPU11, GPU12).name == "gpu-12"


def test_a_graphics_card_is_not_given_for_a_python() -> None:
    report = repository("numpy\n", **{"_python-version": "3.10\n"})
    assert chosen(report, CPU, replace(GPU12, python="3.10")).name == "cpu"


def test_torch_that_brings_cuda_for_nothing_is_pointed_out_with_the_other_index() -> None:
    report = repository("numpy\ntorch==2.4.1\n")
    said = advise(report, CPU)
    assert [one.code for one in said] == ["environment-unneeded-cuda"]
    assert f"--extra-index-url {PYTORCH_CPU}" in said[0].hint
    assert advise(report, GPU12) == ()
    assert advise(repository("torch==2.4.1+cpu\n"), CPU) == ()
    by_index = repository(f"--index-url {PYTORCH_CPU}\ntorch\n")
    assert advise(by_index, CPU) == ()


@pytest.mark.parametrize("requirements", ["numpy\n", "torch==2.4.1+cu124\n"])
def test_what_was_chosen_is_what_the_jobs_build_on(requirements: str) -> None:
    found = chosen(repository(requirements), CPU, GPU12)
    settings = PipelineSettings("bot:1", "layers", found, "https://docs.example.com")
    read_back = read_pipeline_settings(render(module(), settings, "main")).environment
    assert read_back == found
    assert read_back.image == (GPU12 if "cu124" in requirements else CPU).image


def test_requirements_that_change_the_choice_are_seen_without_the_operator_s_list() -> None:
    before, after = repository("numpy\n"), repository("torch==2.4.1+cu124\n")
    assert read_wish(after).text != chosen(before, CPU, GPU12).wish
    assert refused_cuda(read_wish(after), CPU) is not None
    assert refused_cuda(read_wish(after), GPU12) is None


def test_a_dockerfile_of_the_repository_s_own_is_its_base_and_asks_nothing_of_ours() -> None:
    report = repository("torch==2.4.1+cu124\n", Dockerfile="FROM nvidia/cuda:12.4.1-base-ubuntu22.04\n")
    assert chosen(report, CPU, GPU12).name == "cpu"
    assert advise(report, CPU) == ()
    instead = repository("torch==2.4.1+cu124\n", Dockerfile="FROM scratch\n", _mlreef_yaml="engine: layers\n")
    assert chosen(instead, CPU, GPU12).name == "gpu-12"
