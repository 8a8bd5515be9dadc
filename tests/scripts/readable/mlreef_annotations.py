import argparse
import sys


class data_processor(object):

    def __init__(self, name, author, type, description, visibility, input_type, output_type):
        self.type = type
        self.input_type = input_type
        self.output_type = output_type

    def __call__(self, f):
        def wrapped_function(*args):
            # does nothing yet.
            f(*args)

        return wrapped_function


def parameter(*fields, **named):
    return lambda function: function


param = metric = parameter


# Dont ignore my comments.
@data_processor(
    name="Net 2.0 Filter",
    author="MLReef",
    type="ALGORITHM",
    description="Transforms images with lots of magic",
    visibility="PUBLIC",
    input_type="IMAGE",
    output_type="IMAGE"
)
# Their order is that of these annotations
@parameter('input-path', "str", required=True, defaultValue='.')
@parameter('output-path', type="str", required=True, defaultValue='.')
@parameter('height', "int", True, defaultValue=256)
@parameter('width', "int", True, 256)
@parameter('epochs', "int", defaultValue=5, required=True)
@parameter('channels', required=False, defaultValue=3, type="int")
@param(required=False, defaultValue='False', name='use_pretrained', type="str", description="use pretrained?")
@param(name='batch_size', required=False, datatype="int", default_value=32)
@parameter(defaultValue=0.8, name='training_split', type='float', required=False, )
@parameter('learning_rate', required=False, defaultValue=.0001, type='float')
def init_parameters():
    pass


def process_arguments(args):
    parser = argparse.ArgumentParser(description='Net')
    parser.add_argument('--input-path', action='store', required=True)
    parser.add_argument('--output-path', action='store', required=True)
    parser.add_argument('--height', action='store', type=int, required=True)
    parser.add_argument('--width', action='store', type=int, required=True)
    parser.add_argument('--epochs', action='store', type=int, required=True)
    parser.add_argument('--channels', action='store', type=int, default=3)
    parser.add_argument('--use_pretrained', action='store', default='False', help='use pretrained?')
    parser.add_argument('--batch_size', action='store', type=int, default=32)
    parser.add_argument('--training_split', action='store', type=float, default=0.8)
    parser.add_argument('--learning_rate', action='store', type=float, default=.0001)
    return vars(parser.parse_args(args))


if __name__ == '__main__':
    init_parameters()
    params = process_arguments(sys.argv[1:])
    truth, guess = params['height'], params['width']


    @metric(name='recall', ground_truth=truth, prediction=guess)
    def call_metric():
        pass


    call_metric()
    pass
