"""What a module needs to be installed: requirements.txt as pip reads it, and the other files people keep it in."""

from parser.requirements.imports import brought_requirements, compare_imports, packages_of_imports
from parser.requirements.python_version import read_python_wish
from parser.requirements.read import name_packages, read_requirements

__all__ = [
    "brought_requirements",
    "compare_imports",
    "name_packages",
    "packages_of_imports",
    "read_python_wish",
    "read_requirements",
]
