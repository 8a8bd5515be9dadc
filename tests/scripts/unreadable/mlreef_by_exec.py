# Decorators that make the parser themselves, of text: MLReef's first ones.
import argparse
import sys


def data_processor(**given):
    return lambda function: function


class parameter(object):
    counter_call = 1

    def __init__(self, name, datatype, nullable, default):
        self.name = name
        self.datatype = datatype
        self.default = default

    def __call__(self, f):
        def wrapped_function(*args):
            parser = argparse.ArgumentParser(description='Parser for Annotations')
            exec('parser.add_argument(\'{}\', action=\'store\', default=\'{}\', type={})'.format(self.name,
                                                                                                 self.default,
                                                                                                 self.datatype))

            params, __ = parser.parse_known_args(sys.argv[parameter.counter_call:])
            params = vars(params)
            exec('global {}; {} = params[\'{}\']'.format(self.name, self.name, self.name))
            parameter.counter_call += 1
            f(*args)
        return wrapped_function


@data_processor(
    name="Net 2.0 Filter",
    type="ALGORITHM",
    input_type="IMAGE",
    output_type="IMAGE"
)
@parameter("width", "int", False, 10)
def start():
    pass


start()
