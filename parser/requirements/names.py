"""Names that are imported and names that are installed: the usual pairs that differ."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "Bio": ("biopython",),
    "Crypto": ("pycryptodome", "pycrypto"),
    "Cryptodome": ("pycryptodomex",),
    "Levenshtein": ("levenshtein", "python-levenshtein"),
    "MySQLdb": ("mysqlclient",),
    "OpenGL": ("pyopengl",),
    "OpenSSL": ("pyopenssl",),
    "PIL": ("pillow", "pillow-simd"),
    "PyPDF2": ("pypdf2",),
    "PyQt5": ("pyqt5",),
    "SimpleITK": ("simpleitk",),
    "absl": ("absl-py",),
    "accimage": ("accimage",),
    "airflow": ("apache-airflow",),
    "apex": ("nvidia-apex", "apex"),
    "attr": ("attrs",),
    "attrs": ("attrs",),
    "azure": ("azure-core", "azure-storage-blob", "azure-identity"),
    "bs4": ("beautifulsoup4",),
    "clip": ("openai-clip", "clip", "clip-anytorch"),
    "community": ("python-louvain",),
    "cupy": ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"),
    "cv2": (
        *("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
        "opencv-contrib-python-headless",
    ),
    "dateutil": ("python-dateutil",),
    "detectron2": ("detectron2",),
    "discord": ("discord-py",),
    "dns": ("dnspython",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12"),
    "ffmpeg": ("ffmpeg-python",),
    "fitz": ("pymupdf",),
    "flax": ("flax",),
    "fvcore": ("fvcore",),
    "git": ("gitpython",),
    "gi": ("pygobject",),
    "github": ("pygithub",),
    "gitlab": ("python-gitlab",),
    "google": ("google-api-core", "google-auth", "google-cloud-core", "protobuf", "google-cloud-storage"),
    "googleapiclient": ("google-api-python-client",),
    "grpc": ("grpcio",),
    "haystack": ("farm-haystack", "haystack-ai"),
    "hydra": ("hydra-core",),
    "igraph": ("igraph", "python-igraph"),
    "imblearn": ("imbalanced-learn",),
    "jose": ("python-jose",),
    "jwt": ("pyjwt",),
    "kafka": ("kafka-python",),
    "lightning": ("lightning",),
    "lightning_fabric": ("lightning-fabric", "lightning"),
    "llama_cpp": ("llama-cpp-python",),
    "magic": ("python-magic", "python-magic-bin"),
    "markdown": ("markdown",),
    "mmcv": ("mmcv", "mmcv-full", "mmcv-lite"),
    "mmdet": ("mmdet",),
    "mpi4py": ("mpi4py",),
    "mpl_toolkits": ("matplotlib",),
    "pylab": ("matplotlib",),
    "nacl": ("pynacl",),
    "netCDF4": ("netcdf4",),
    "nmslib": ("nmslib",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "osgeo": ("gdal",),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "past": ("future",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pkg_resources": ("setuptools",),
    "ptflops": ("ptflops",),
    "pydantic_settings": ("pydantic-settings",),
    "pydensecrf": ("pydensecrf",),
    "pynvml": ("nvidia-ml-py", "pynvml", "nvidia-ml-py3"),
    "pytest": ("pytest",),
    "pythoncom": ("pywin32",),
    "pytorch_lightning": ("pytorch-lightning", "lightning"),
    "pytorch_msssim": ("pytorch-msssim",),
    "ray": ("ray",),
    "redis": ("redis",),
    "ruamel": ("ruamel-yaml",),
    "segmentation_models_pytorch": ("segmentation-models-pytorch",),
    "serial": ("pyserial",),
    "setuptools": ("setuptools",),
    "sentence_transformers": ("sentence-transformers",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn", "scikit-learn-intelex"),
    "skopt": ("scikit-optimize",),
    "skvideo": ("scikit-video", "sk-video"),
    "slugify": ("python-slugify",),
    "socks": ("pysocks",),
    "speech_recognition": ("speechrecognition",),
    "tabulate": ("tabulate",),
    "telegram": ("python-telegram-bot",),
    "tensorboard": ("tensorboard", "tensorboard-data-server"),
    "tensorboardX": ("tensorboardx",),
    "tensorflow": (
        *("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos", "tf-nightly"),
        "intel-tensorflow",
    ),
    "tensorrt": ("tensorrt", "nvidia-tensorrt"),
    "tflite_runtime": ("tflite-runtime",),
    "tlz": ("toolz",),
    "torch": ("torch", "torch-nightly"),
    "torch_geometric": ("torch-geometric",),
    "torch_scatter": ("torch-scatter",),
    "usb": ("pyusb",),
    "umap": ("umap-learn",),
    "websocket": ("websocket-client",),
    "win32api": ("pywin32",),
    "win32com": ("pywin32",),
    "wx": ("wxpython",),
    "xdist": ("pytest-xdist",),
    "yaml": ("pyyaml", "ruamel-yaml"),
    "zmq": ("pyzmq",),
}
"""Name in an import → the packages that bring it, by their normalised names, the usual one first."""

BROUGHT: dict[str, frozenset[str]] = {
    name: frozenset(packages.split())
    for name, packages in {
        "numpy": (
            "accelerate albumentations chex datasets faiss-cpu faiss-gpu flax gensim imageio jax keras librosa lightgbm"
            " matplotlib numba onnx onnxruntime onnxruntime-gpu opencv-contrib-python opencv-python"
            " opencv-python-headless pandas pycocotools pytorch-lightning scikit-image scikit-learn scipy seaborn"
            " shapely spacy statsmodels tensorboard tensorflow tensorflow-cpu tensorflow-gpu torchmetrics torchvision"
            " transformers xarray xgboost"
        ),
        "torch": (
            "accelerate fairseq fastai kornia lightning monai open-clip-torch peft pytorch-lightning"
            " sentence-transformers timm torch-geometric torchaudio torchmetrics torchtext torchvision ultralytics"
        ),
        "torchvision": "fastai kornia open-clip-torch timm ultralytics",
        "scipy": "gensim librosa scikit-image scikit-learn seaborn statsmodels xgboost lightgbm lpips ultralytics",
        "pandas": "datasets seaborn statsmodels ultralytics wfdb",
        "pillow": "imageio matplotlib scikit-image torchvision ultralytics",
        "matplotlib": "fastai pycocotools seaborn ultralytics",
        "pyyaml": "accelerate datasets huggingface-hub omegaconf timm transformers ultralytics wandb albumentations",
        "tqdm": "datasets huggingface-hub nltk sentence-transformers transformers ultralytics gdown openai spacy",
        "requests": "datasets gdown huggingface-hub tensorflow transformers ultralytics wandb",
        "scikit-learn": "imbalanced-learn librosa sentence-transformers umap-learn",
        "keras": "tensorflow tensorflow-cpu tensorflow-gpu",
        "tensorboard": "tensorflow tensorflow-cpu tensorflow-gpu",
        "omegaconf": "hydra-core",
        "huggingface-hub": "accelerate datasets diffusers sentence-transformers timm transformers",
        "tokenizers": "transformers",
        "safetensors": "accelerate diffusers timm transformers",
        "jaxlib": "jax",
        "jax": "chex flax optax",
        "opencv-python": "ultralytics",
        "opencv-python-headless": "albumentations",
        "packaging": "matplotlib transformers huggingface-hub datasets",
        "werkzeug": "flask",
        "jinja2": "flask torch",
        "click": "flask wandb nltk",
        "six": "python-dateutil tensorflow",
        "python-dateutil": "pandas matplotlib",
        "joblib": "scikit-learn librosa nltk",
        "botocore": "boto3",
        "pydantic": "fastapi openai",
        "starlette": "fastapi",
        "urllib3": "requests",
        "networkx": "scikit-image torch",
        "protobuf": "tensorflow onnx wandb",
    }.items()
}
"""Package → packages that themselves require it, so that it is installed without a line of its own."""

SILENT = frozenset(
    (
        *(
            "pip",
            "setuptools",
            "wheel",
            "cython",
            "ninja",
            "cmake",
            "gunicorn",
            "uvicorn",
            "pytest",
            "tox",
            "nox",
        ),
        *(
            "black",
            "ruff",
            "flake8",
            "isort",
            "mypy",
            "pylint",
            "pre-commit",
            "coverage",
            "jupyter",
            "jupyterlab",
        ),
        *(
            "notebook",
            "ipykernel",
            "ipywidgets",
            "ipython",
            "tensorboard",
            "tensorboardx",
            "protobuf",
            "grpcio",
        ),
        *(
            "xformers",
            "triton",
            "bitsandbytes",
            "flash-attn",
            "sentencepiece",
            "tiktoken",
            "safetensors",
            "accelerate",
        ),
        *(
            "openpyxl",
            "xlrd",
            "xlsxwriter",
            "pyarrow",
            "fastparquet",
            "lxml",
            "html5lib",
            "tables",
            "kaleido",
        ),
        *(
            "python-multipart",
            "hf-transfer",
            "imageio-ffmpeg",
            "av",
            "soundfile",
            "certifi",
            "colorlog",
            "hydra-colorlog",
        ),
        *(
            "s3fs",
            "gcsfs",
            "adlfs",
            "psycopg2",
            "psycopg2-binary",
            "mysqlclient",
            "pymysql",
            "pyqt5",
            "tk",
            "numpy",
        ),
    )
)
"""Packages that work without being imported: tools, plug-ins that others load, and what nearly all need."""

CONDA_TO_PIP = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "matplotlib-base": "matplotlib",
    "seaborn-base": "seaborn",
    "py-xgboost": "xgboost",
    "faiss-cpu": "faiss-cpu",
    "msgpack-python": "msgpack",
    "dask-core": "dask",
    "python-graphviz": "graphviz",
    "pytables": "tables",
    "tensorflow-base": "tensorflow",
    "torchvision-cpu": "torchvision",
    "ruamel_yaml": "ruamel-yaml",
    "spacy-model-en_core_web_sm": "en-core-web-sm",
}
"""Packages that conda calls by another name than pip."""

CONDA_ONLY = frozenset(
    (
        *(
            "cudatoolkit",
            "cuda",
            "cuda-toolkit",
            "cuda-runtime",
            "cuda-nvcc",
            "cudnn",
            "nccl",
            "pytorch-cuda",
        ),
        *("pytorch-mutex", "mkl", "mkl-service", "mkl_fft", "mkl_random", "blas", "openblas", "intel-openmp"),
        *(
            "gcc",
            "gxx",
            "gcc_linux-64",
            "gxx_linux-64",
            "compilers",
            "make",
            "nodejs",
            "ffmpeg",
            "git",
            "git-lfs",
        ),
        *(
            "openssl",
            "sqlite",
            "tk",
            "xz",
            "zlib",
            "bzip2",
            "readline",
            "ncurses",
            "ca-certificates",
            "certifi-cacert",
        ),
        *(
            "hdf5",
            "jpeg",
            "freetype",
            "openmpi",
            "mpich",
            "openjdk",
            "r-base",
            "graphviz",
            "vtk",
            "ld_impl_linux-64",
        ),
        *(
            "zstd",
            "lz4-c",
            "lcms2",
            "openh264",
            "x264",
            "gmp",
            "gnutls",
            "lame",
            "nettle",
            "giflib",
            "yaml",
            "curl",
        ),
    )
)
"""Packages of conda that are no Python: pip cannot bring them."""

_DEPARTED = frozenset(
    (
        *("asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp"),
        *(
            "lib2to3",
            "mailcap",
            "msilib",
            "nis",
            "nntplib",
            "ossaudiodev",
            "pipes",
            "smtpd",
            "sndhdr",
            "spwd",
        ),
        *("sunau", "telnetlib", "uu", "xdrlib"),
    )
)
"""Modules of older standard libraries; the environment's Python may still have them."""

STANDARD = frozenset(sys.stdlib_module_names) | _DEPARTED | {"__main__"}
"""Modules that need no requirement."""

_HARMLESS = frozenset(("argparse", "asyncio", "configparser", "contextvars", "dataclasses", "typing"))
"""Names of the standard library that are also packages: old backports, which do not always do harm."""

_SEPARATORS = re.compile(r"[-_.]+")
_AFFIXES = ("python-", "py-", "py", "-python", "-py", "-cpu", "-gpu", "-headless", "-binary")


def normalized(name: str) -> str:
    """The name as package indexes compare it: lower case, single dashes."""
    return _SEPARATORS.sub("-", name).lower()


def misnamed(name: str) -> tuple[str, str | None] | None:
    """Why a requirement's (normalised) name is surely not the package that is meant, and the one that is."""
    if name in ("python", "python3"):
        return "is not installed by pip; the environment brings Python itself", None
    for module in (
        "cv2",
        "sklearn",
        "skimage",
        "PIL",
        "yaml",
        "bs4",
        "dateutil",
        "imblearn",
        "skopt",
        "fitz",
    ):
        if name == module.lower():
            return "is the name that is imported, not that of the package", DISTRIBUTIONS[module][0]
    if name in STANDARD and name not in _HARMLESS:
        return "is a module of Python itself; a package of this name is something else", None
    return None


class Provided:
    """The modules that packages (normalised names) may well bring; in doubt they do."""

    def __init__(self, packages: Iterable[str]) -> None:
        self._packages = frozenset(packages)
        self._plain: set[str] = set()
        self._beginnings: set[str] = set()
        for package in self._packages:
            self._plain.add(package.replace("-", ""))
            for affix in _AFFIXES:
                shorter = package.removesuffix(affix) if affix[0] == "-" else package.removeprefix(affix)
                self._plain.add(shorter.replace("-", ""))
            # google-cloud-storage brings google, nvidia-cublas-cu12 brings nvidia
            at = package.find("-")
            while at > 0:
                self._beginnings.add(package[:at])
                at = package.find("-", at + 1)

    def __contains__(self, module: str) -> bool:
        known = DISTRIBUTIONS.get(module, ())
        brought = BROUGHT.get(usual_package(module), frozenset())
        return (
            not self._packages.isdisjoint(known)
            or _SEPARATORS.sub("", module).lower() in self._plain
            or _SEPARATORS.sub("-", module).lower() in self._beginnings
            or not self._packages.isdisjoint(brought)
        )


def usual_package(module: str) -> str:
    """The package that one would install for a module."""
    known = DISTRIBUTIONS.get(module)
    return known[0] if known else _SEPARATORS.sub("-", module)


def modules_of(package: str) -> frozenset[str]:
    """The modules that a package (normalised name) is known or likely to bring."""
    found = {module for module, packages in DISTRIBUTIONS.items() if package in packages}
    found.add(package.replace("-", "_"))
    for affix in _AFFIXES:
        shorter = package.removesuffix(affix) if affix.startswith("-") else package.removeprefix(affix)
        found.add(shorter.replace("-", "_"))
    return frozenset(name for name in found if name)
