"""Command lines that are not argparse's: recognised and told; click's and absl's are read."""

from parser.frameworks.read import read_other_command_line
from parser.frameworks.recognise import other_framework, used_framework

__all__ = ["other_framework", "read_other_command_line", "used_framework"]
