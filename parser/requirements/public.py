"""Where packages come from when nobody says otherwise: the addresses of the public indexes, here and nowhere else."""

from __future__ import annotations

PYPI = "https://pypi.org/simple"
"""The index of who names none; pip's own."""

PYTORCH_CPU = "https://download.pytorch.org/whl/cpu"
"""PyTorch's index of wheels without CUDA; those with it lie beside, below `/whl/cuXXX`."""

CONDA = "https://conda.anaconda.org"
"""What the name of a channel of conda stands below, unless it is an address."""
