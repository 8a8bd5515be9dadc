"""Settings, the project, and the module as a whole: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import ANNOTATED, DESCRIBED, HOLE, PLAIN, WHOLE, Example

CPU_INDEX = "ADDRESS"
"""Stands for PyTorch's own index of wheels without CUDA, which the bot names."""

CPU_WHEEL = "torch @ https://files.example.com/torch-2.4.1%2Bcpu-cp312-cp312-linux_x86_64.whl\n"

MODULE: dict[str, Example] = {
    # .mlreef.yaml
    "settings-invalid": Example(
        "None of the file's settings count while it cannot be read.",
        "name: Resize: pictures\n",
        'name: "Resize: pictures"\n',
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "settings-unknown": Example(
        "What it says has no effect; mostly it is a typing error.",
        "name: Resize\ndescripton: Makes pictures smaller\n",
        "name: Resize\ndescription: Makes pictures smaller\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "settings-value": Example(
        "The key takes only certain values, and this is none of them.",
        "kind: CONVERTER\n",
        "kind: OPERATION\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "env-refused": Example(
        "A module may set variables for its own script, and none that decide which programs and libraries are run.",
        "env:\n  LD_PRELOAD: /tmp/faster.so\n",
        'env:\n  OMP_NUM_THREADS: "2"\n',
        frame=WHOLE,
        file=".mlreef.yaml",
        words={
            "name": "LD_PRELOAD",
            "why": "decides which programs and libraries run, and is not for a module to set",
        },
    ),
    "environment-unknown": Example(
        "The operator of the bot offers base images by name, and this is none of them.",
        "environment: python-2.7\n",
        "environment: python-3.12\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        words={
            "name": "python-2.7",
            "known": "`python-3.12` (Python 3.12), `slim` (Python 3.12)",
            "default": "python-3.12",
        },
    ),
    "environment-without-gpu": Example(
        "Packages that are made for CUDA fail at their first import, or are gigabytes for nothing, where there is no"
        " CUDA.",
        "torch==2.4.1+cu124\n",
        CPU_WHEEL,
        frame=WHOLE,
        file="requirements.txt",
        words={
            "what": "torch==2.4.1+cu124",
            "cuda": "CUDA 12.4",
            "name": "python-3.12",
            "mend": "Name `gpu-12` (Python 3.12, CUDA 12.4) as `environment` in .mlreef.yaml; or do without CUDA."
            f" Write `torch==2.4.1+cpu` and, on a line of its own, `--extra-index-url {CPU_INDEX}`.",
        },
    ),
    "environment-several": Example(
        "Where one environment fits it is taken by itself; between several of them an author has to decide.",
        "cupy-cuda12x\n",
        frame=WHOLE,
        file="requirements.txt",
        words={
            "what": "cupy-cuda12x",
            "known": "`a` (Python 3.12, CUDA 12.1) or `b` (Python 3.12, CUDA 12.4)",
            "name": "gpu-12.1",
        },
    ),
    "environment-python": Example(
        "The module is tried in the image, but nobody promised that it works with this Python.",
        '[project]\nname = "denoise"\nrequires-python = ">=3.13"\n',
        frame=WHOLE,
        file="pyproject.toml",
        words={"wish": ">=3.13", "name": "python-3.12", "python": "3.12"},
    ),
    "environment-unneeded-cuda": Example(
        "On Linux the usual wheel of PyTorch is the one for CUDA, and requires NVIDIA's libraries as packages.",
        "torch==2.4.1\n",
        CPU_WHEEL,
        frame=WHOLE,
        file="requirements.txt",
        words={
            "what": "`torch`",
            "size": "some gigabytes of CUDA libraries,",
            "name": "python-3.12",
            "index": CPU_INDEX,
        },
    ),
    # How the image is built
    "own-file-missing": Example(
        "A Dockerfile, or a CI file that is to run as a stage, is looked for at this path of the commit.",
        "stages:\n  before: [ci/lnt.yml]\n",
        "stages:\n  before: [ci/lint.yml]\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"ci/lint.yml": "lint:\n  script: [make lint]\n"},
    ),
    "apt-beside-dockerfile": Example(
        "The bot never changes a Dockerfile of the repository's own, so it cannot add packages to it.",
        "apt: [libgl1]\n",
        "env: {}\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"Dockerfile": "FROM python:3.12-slim\n"},
    ),
    "engine-not-allowed": Example(
        "The operator of the bot decides which engines may build images; this repository needs another one.",
        "apt: [libgl1]\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        words={
            "what": "The repository asks for a Debian package (`apt`), which",
            "wanted": "`docker`, `docker-dind` or `buildkit`",
            "allowed": "`layers`",
            "mend": "Remove `apt` where a wheel brings the library along. Or ask whoever runs the bot to allow one of"
            " them (`builder.engines`).",
        },
    ),
    "engine-cannot": Example(
        "The engine `layers` puts an image together from files; nothing is run in it.",
        "engine: layers\napt: [libgl1]\n",
        "apt: [libgl1]\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        words={
            "engine": "layers",
            "what": "the repository asks for a Debian package (`apt`)",
            "mend": "Remove `engine`, so that another is taken. Remove `apt` where a wheel brings the library along.",
        },
    ),
    # The project and its files
    "branch-not-published": Example(
        "A branch of that name can be there, and pushing to it publishes nothing.",
        "branches: [mlreef-bot/main, stable]\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        words={
            "name": "'mlreef-bot/main'",
            "why": "such branches are the bot's own",
            "mend": "Choose another name.",
        },
    ),
    "visibility-differs": Example(
        "Who may see the module is decided by the project in GitLab, whatever the annotation says.",
        '@data_processor(name="Resize", type="OPERATION", visibility="PUBLIC")\n',
        frame=ANNOTATED,
        words={"annotated": "PUBLIC", "value": "private"},
    ),
    "generated-file-edited": Example(
        "The file is made of the script, its requirements and .mlreef.yaml, and is made anew whenever these change.",
        "mlreef-build:\n  tags: [gpu]\n",
        frame=WHOLE,
        file="mlreef.yml",
        words={},
    ),
    "generated-file-taken": Example(
        "The file is written by the bot, into the repository itself; through a link it would land somewhere else.",
        "ci/all.yml\n",
        frame=WHOLE,
        file="mlreef.yml",
        link=True,
    ),
    "pipeline-not-run": Example(
        "The image is built by the jobs of mlreef.yml, in a pipeline of the project's own.",
        "test:\n  script: pytest\n",
        "publish:\n  trigger:\n    include:\n      - local: mlreef.yml\n    strategy: depend\n",
        frame=WHOLE,
        file=".gitlab-ci.yml",
        words={"why": ".gitlab-ci.yml does not run it, or does not wait for it"},
    ),
    "path-refused": Example(
        "The path is not one that every file system can hold: it is no text, or leaves its folder.",
        "",
        words={},
    ),
    "link-leaves-repository": Example(
        "In the image the link would lead to a file of the image, or to nothing.",
        "",
        words={"target": "../../shared/weights.bin"},
    ),
    "lfs-missing": Example(
        "Git LFS keeps large files apart; without it the image would hold a note in the place of the file.",
        "",
        words={},
    ),
    "too-many-files": Example(
        "The list of files is read over GitLab's API, page by page, for every push.",
        "",
        words={"limit": "20,000"},
    ),
    "repository-too-large": Example(
        "All files of the repository become a layer of the image.",
        "",
        words={"files": "120000", "size": "5200", "most_files": "50000", "most_size": "2048"},
    ),
    "reading-given-up": Example(
        "Reading a repository may take only so much time and memory, so that one repository cannot keep all others"
        " waiting. Nothing that an ordinary script does comes near to these limits.",
        "",
        words={
            "why": "it took more than 10 seconds; `tables.py` was read last",
            "mend": "Move generated code and large tables out of the Python files, into data files.",
        },
    ),
    # The module
    "module-defaults": Example(
        "Nobody said what kind of module this is and what data it works on, so the most general is taken.",
        "",
        '@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n',
        frame=ANNOTATED,
    ),
    "name-differs": Example(
        "Annotation and `.mlreef.yaml` say the same thing differently.",
        "name: Shrink\n",
        "name: Resize\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"run.py": DESCRIBED.replace(HOLE, "")},
    ),
    "entry-points-disagree": Example(
        "Several entry points are one module, in one image: it is of one kind.",
        '@data_processor(name="Resize", type="ALGORITHM", input_type="IMAGE", output_type="IMAGE")\n',
        '@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n',
        frame=ANNOTATED,
        file="shrink.py",
        beside={
            "run.py": DESCRIBED.replace(HOLE, ""),
            ".mlreef.yaml": "entry_points:\n  main: run.py\n  shrink: shrink.py\n",
        },
    ),
    "models-only": Example(
        "People look for models by what these do and where they are used; for other modules there is no such thing.",
        "kind: OPERATION\nmodel_type: classification\n",
        "kind: ALGORITHM\nmodel_type: classification\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "name-refused": Example(
        "The name becomes part of labels, notes and file names.",
        'name: ""\n',
        "name: Resize\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "too-many-problems": Example(
        "The list is cut so that it stays readable; errors are always in it.",
        "".join(f"key-{number}: 1\n" for number in range(99)) + "# and so on, and as many in run.py\n",
        "",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={
            "run.py": PLAIN.replace(
                "\nif __name__",
                "".join(f'parser.add_argument("--flag-{number}", type=bool)\n' for number in range(120))
                + "\nif __name__",
            )
        },
    ),
}
