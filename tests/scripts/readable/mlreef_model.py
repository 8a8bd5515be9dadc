# -*- coding: utf-8 -*-
"""mlreef_model.py
# A model in the shape that MLReef's own had: values without types, globals under the guard, metrics written beside.

%d of this is no format.
"""

import argparse
import datetime
import json
import sys
import time


class Metrics(object):

    def on_train_begin(self, logs={}):
        self.metrics = {}
        with open('{}/experiment.json'.format(output_path), 'w') as file:
            json.dump(self.metrics, file)

    def on_epoch_end(self, epoch, logs={}):
        self.metrics[epoch] = {
            'acc': logs.get('acc'),
            'val_acc': logs.get('val_acc'),
        }
        return None


"""
def saved(history):
    parser.add_argument('--never', help='this is a text and no code')
"""


def process_arguments(args):
    parser = argparse.ArgumentParser(description='Net')
    parser.add_argument('--input-path', action='store', help='path to directory of images')
    parser.add_argument('--output-path', action='store', default='.', help='path to output metrics')
    parser.add_argument('--height', action='store', default=224, help='height of images (int)')
    parser.add_argument('--channels', action='store', default=3, help='channels of images: 1 = grayscale, 3 = RGB ,'
                                                                      '4=RGBA (int)')
    parser.add_argument('--use-pretrained', action='store', default=True, help='use pretrained weights (bool)')
    parser.add_argument('--epochs', action='store', help='number of epochs for training')
    parser.add_argument('--validation-split', action='store', default=.25, help='fraction of images to be used for '
                                                                                'validation (float)')
    parser.add_argument('--class_mode', action='store', default='binary', help='"categorical", "binary", "sparse",'
                                                                                    ' "input", or None')
    parser.add_argument('--learning-rate', action='store', default=0.0001,
                        help='learning rate of the optimizer (float)'
                             '')
    parser.add_argument('--max_iter', action='store', default=1000, help='most iterations (default 1000)')
    params = vars(parser.parse_args(args))
    return params


if __name__ == '__main__':
    params = process_arguments(sys.argv[1:])
    images_path = params['input_path']
    output_path = params['output_path']
    height = int(params['height'])
    channels = int(params['channels'])
    color_mode = lambda: 'rbga' if channels == 4 else (
        'grayscale' if channels == 1 else 'rgb')
    stamp = datetime.datetime.fromtimestamp(time.time()).strftime('%Y-%m-%d-%H:%M:%S')

    """## 1. Set up"""

    class Step(Metrics):
        """A class that only exists when the script is run."""

    pass
print("finished")
