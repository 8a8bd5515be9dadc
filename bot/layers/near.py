"""Names that a misspelt one may mean: packages that are often installed, and that the index really has."""

from __future__ import annotations

import difflib

from parser.requirements.names import DISTRIBUTIONS

MAX_NEAR = 2
NEAR = 0.8
"""How alike two names have to be, from 0 to 1."""

_OFTEN = (
    *(
        "accelerate",
        "aiohttp",
        "albumentations",
        "anndata",
        "boto3",
        "catboost",
        "click",
        "datasets",
        "diffusers",
    ),
    *(
        "dask",
        "evaluate",
        "fastapi",
        "flask",
        "gensim",
        "h5py",
        "huggingface-hub",
        "imageio",
        "ipython",
        "jax",
    ),
    *("joblib", "jupyter", "keras", "librosa", "lightgbm", "lightning", "matplotlib", "mlflow", "networkx"),
    *(
        "nibabel",
        "nltk",
        "numba",
        "numpy",
        "omegaconf",
        "onnx",
        "onnxruntime",
        "openpyxl",
        "optuna",
        "pandas",
    ),
    *("peft", "plotly", "polars", "psutil", "pyarrow", "pydantic", "pydicom", "pytest", "pytorch-lightning"),
    *(
        "rasterio",
        "requests",
        "safetensors",
        "scanpy",
        "scipy",
        "seaborn",
        "sentencepiece",
        "shapely",
        "spacy",
    ),
    *(
        "sqlalchemy",
        "statsmodels",
        "sympy",
        "tensorboard",
        "tensorflow",
        "tifffile",
        "timm",
        "tokenizers",
        "torch",
    ),
    *("torchaudio", "torchmetrics", "torchvision", "tqdm", "transformers", "wandb", "xarray", "xgboost"),
)
_KNOWN = sorted({*_OFTEN, *(name for names in DISTRIBUTIONS.values() for name in names)})


def near_names(name: str) -> list[str]:
    """At most MAX_NEAR known packages whose names are alike; that the index has them is still to be seen."""
    return difflib.get_close_matches(name[:100], _KNOWN, MAX_NEAR, NEAR)
