from registry import register


@register("small")
class Small:
    @staticmethod
    def add_args(parser):
        parser.add_argument("--small-width", type=int, default=4)
