"""Adds noise to images: one image file, or every image of a folder.

python im_add_noise.py --input-path photos --output-path noisy --mode speckle --variance 0.05
"""

import argparse
import sys
from pathlib import Path

import numpy
from skimage import io, util


def data_processor(**_description):
    """Describes the module to MLReef; the script itself runs the same without it."""
    return lambda function: function


def parameter(**_description):
    """Describes one parameter to MLReef; the script itself reads it with argparse."""
    return lambda function: function


IMAGES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
MODES = ["gaussian", "localvar", "poisson", "salt", "pepper", "s&p", "speckle"]
WITH_VARIANCE = {"gaussian", "speckle"}
WITH_AMOUNT = {"salt", "pepper", "s&p"}


@data_processor(
    name="Add Noise",
    author="MLReef",
    command="im_add_noise",
    type="OPERATION",
    description="Adds random noise of various types to images, to make a model robust against it.",
    visibility="PUBLIC",
    input_type="IMAGE",
    output_type="IMAGE",
)
@parameter(name="input-path", type="STRING", required=True, description="An image, or a folder of images")
@parameter(name="output-path", type="STRING", required=True, description="The folder the noisy images go to")
@parameter(
    name="mode", type="STRING", required=False, defaultValue="gaussian", description="The type of noise"
)
@parameter(name="mean", type="FLOAT", required=False, defaultValue=0.0, description="Mean of the noise")
@parameter(
    name="variance", type="FLOAT", required=False, defaultValue=0.01, description="Variance of the noise"
)
@parameter(
    name="amount", type="FLOAT", required=False, defaultValue=0.05, description="Share of pixels replaced"
)
@parameter(name="seed", type="INTEGER", required=False, description="Start of the random numbers")
@parameter(
    name="no-clip", type="BOOLEAN", required=False, description="Keep values outside of the image's range"
)
def add_noise(image, mode, mean, variance, amount, generator, clip):
    """The image with noise, as floating-point numbers."""
    image = util.img_as_float(image)
    options = {}
    if mode in WITH_VARIANCE:
        options = {"mean": mean, "var": variance}
    elif mode in WITH_AMOUNT:
        options = {"amount": amount}
    elif mode == "localvar":
        # The brighter the pixel, the noisier: one variance for each of them, none of them zero.
        options = {"local_vars": variance * numpy.clip(image, 0.001, None)}
    return util.random_noise(image, mode=mode, rng=generator, clip=clip, **options)


def find_images(path):
    """The image itself, or all images of the folder."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES)


def save(image, file):
    """Writes eight bits a channel, which every format and every viewer can hold."""
    pixels = numpy.rint(numpy.clip(image, 0, 1) * 255).astype(numpy.uint8)
    io.imsave(file, pixels, check_contrast=False)


def process_arguments(args):
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Add random noise of various types to images")
    parser.add_argument("--input-path", type=Path, required=True, help="an image, or a folder of images")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder the noisy images go to")
    parser.add_argument(
        "--mode", default="gaussian", choices=MODES, help="type of noise (default: %(default)s)"
    )
    noise = parser.add_argument_group("noise", "how strong the noise is")
    noise.add_argument("--mean", type=float, default=0.0, help="mean, for gaussian and speckle")
    noise.add_argument(
        "--variance", type=float, default=0.01, help="variance, for gaussian, speckle and localvar"
    )
    noise.add_argument(
        "--amount", type=float, default=0.05, help="share of pixels replaced, for salt, pepper and s&p"
    )
    parser.add_argument("--seed", type=int, help="the same number gives the same noise again")
    parser.add_argument(
        "--no-clip", action="store_true", help="let the noise leave the range of the image's values"
    )
    return parser.parse_args(args)


def main(args):
    """Adds noise to every image and tells what it wrote."""
    options = process_arguments(args)
    if not options.input_path.exists():
        sys.exit(f"{options.input_path} does not exist")
    images = find_images(options.input_path)
    if not images:
        sys.exit(f"{options.input_path} holds no images ({', '.join(sorted(IMAGES))})")
    options.output_path.mkdir(parents=True, exist_ok=True)
    generator = numpy.random.default_rng(options.seed)
    for file in images:
        noisy = add_noise(
            io.imread(file),
            options.mode,
            options.mean,
            options.variance,
            options.amount,
            generator,
            clip=not options.no_clip,
        )
        target = options.output_path / f"{file.stem}-{options.mode.replace('&', '-and-')}.png"
        save(noisy, target)
        print(f"{file} -> {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
