from .. import words
from . import constants


def add_deep(parser):
    parser.add_argument("--deep", choices=words.ALL, default=words.ALL[-1], help=f"below {constants.LIMITS[-1]}")
