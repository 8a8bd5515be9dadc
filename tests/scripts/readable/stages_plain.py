class Model:
    """What all models have."""


class PlainModel(Model):
    """The one that is taken when none is named."""

    @staticmethod
    def add_options(parser):
        parser.set_defaults(width=16)
        parser.add_argument("--layers", type=int, default=2)
        return parser
