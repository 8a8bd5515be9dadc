import enum
from dataclasses import dataclass

from a_package.deeper.constants import RATE

from .deeper import constants

NAMES = ["first", "second"]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Settings:
    size: int = constants.LIMITS[0] + 1
    label: str = "none"


def add_to(parser):
    parser.add_argument("--half", type=float, default=RATE / 2)
