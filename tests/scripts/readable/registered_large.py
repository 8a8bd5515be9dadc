from registry import register


@register("large")
class Large:
    @staticmethod
    def add_args(parser):
        parser.add_argument("--large-width", type=int, default=400)
