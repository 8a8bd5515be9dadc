"""What argparse would see: the parsers a script makes, and the arguments it adds to them."""

from parser.argparse_reader.read import CommandLine, read_command_line

__all__ = ["CommandLine", "read_command_line"]
