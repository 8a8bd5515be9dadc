"""Commands that register themselves when this module is imported; the script never names them."""

from helper_table import Command


@Command.register("paint")
class Paint(Command):
    wants_more = True

    def add_to(self, subparsers):
        parser = subparsers.add_parser(self.name)
        parser.add_argument("--colour", default="red")
        return parser


@Command.register("cut")
class Cut(Command):
    def add_to(self, subparsers):
        parser = subparsers.add_parser(self.name)
        parser.add_argument("depth", type=int)
        return parser
