# A data operation in the shape that MLReef's own had: a class that takes a dictionary, and one function for arguments.
import argparse
import os
import sys
from pathlib import Path


class Blur:

    def __init__(self,params):
        self.input_dir = params['input_path']
        self.output_dir = params['output_path']
        self.radius = int(params['radius'])
        self.keep = bool(params['keep'])

        # create folder if does not exist
        if not os.path.exists(self.output_dir):
            os.makedirs(self.output_dir)

        self.ext = ['.png', '.jpg']

    def __execute__(self):
        for root, dirs, files in os.walk(self.input_dir):
            for file in files:
                if file.endswith(tuple(self.ext)):
                    fullpath, extension = os.path.splitext(os.path.join(root, file))
                    relative_p = os.path.relpath(fullpath, self.input_dir)
                    Path(os.path.join(self.output_dir, relative_p)).mkdir(parents=True, exist_ok=True)
        print("Blur done")
        return 1


def process_arguments(args):

    parser = argparse.ArgumentParser(description='Pipeline: Blur')
    parser.add_argument('--input-path', action='store', help='path to directory of images or image file')
    parser.add_argument('--output-path', action='store',type=str, default='.', help='output directory to save images')
    parser.add_argument('--radius', action='store', type=int,default='2', help='radius in pixels')
    parser.add_argument('--mode', action='store', default='box',
                        help='box | disc | motion')
    parser.add_argument('--edge', action='store', default= 'wrap',help='what is taken beyond the edge:wrap, '
                                                                      'mirror, '
                                                                      'none')
    parser.add_argument('--keep', default=False, type=bool, action='store', help='keep pictures that are not changed')
    parser.add_argument('--iterations', action='store', help='how often (int)')
    params = vars(parser.parse_args(args))
    if (params['input_path'] or params['output_path']) is None:
        parser.error("Paths are required. You did not specify input path or output path.")
    return params


if __name__ == "__main__":
    print("Beginning execution of mlreef_operation.py script ......... \n")
    params = process_arguments(sys.argv[1:])
    op = Blur(params)
    print("input path:", op.input_dir)
    op  .__execute__()
