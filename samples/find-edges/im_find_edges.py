"""Draws the edges of images: one image file, or every image of a folder.

python im_find_edges.py --input-path photos --output-path edges --method scharr
"""

import argparse
import sys
from pathlib import Path

import numpy
from skimage import color, filters, io, util


def data_processor(**_description):
    """Describes the module to MLReef; the script itself runs the same without it."""
    return lambda function: function


def parameter(**_description):
    """Describes one parameter to MLReef; the script itself reads it with argparse."""
    return lambda function: function


IMAGES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
METHODS = {
    "sobel": filters.sobel,
    "scharr": filters.scharr,
    "prewitt": filters.prewitt,
    "farid": filters.farid,
}
PLAIN_DIMENSIONS = 2
GREY_ALPHA, RGB_ALPHA = 2, 4


@data_processor(
    name="Find Edges",
    author="MLReef",
    command="im_find_edges",
    type="OPERATION",
    description="Draws the edges of what is in an image, bright on dark.",
    visibility="PUBLIC",
    input_type="IMAGE",
    output_type="IMAGE",
)
@parameter(name="input-path", type="STRING", required=True, description="An image, or a folder of images")
@parameter(name="output-path", type="STRING", required=True, description="The folder the edges go to")
@parameter(
    name="method", type="STRING", required=False, defaultValue="sobel", description="How edges are found"
)
@parameter(
    name="threshold",
    type="FLOAT",
    required=False,
    defaultValue=0.0,
    description="The strength below which an edge is left out",
)
@parameter(name="invert", type="BOOLEAN", required=False, description="Draw dark on bright")
def find_edges(image, method, threshold, invert):
    """The edges as a grey image of floating-point numbers from 0 to 1."""
    edges = METHODS[method](as_grey(image))
    edges = numpy.clip(edges / max(edges.max(), numpy.finfo(float).eps), 0, 1)
    edges[edges < threshold] = 0
    return 1 - edges if invert else edges


def as_grey(image):
    """The image without colours, and without what is transparent."""
    image = util.img_as_float(image)
    if image.ndim == PLAIN_DIMENSIONS:
        return image
    if image.shape[-1] == GREY_ALPHA:
        return image[..., 0]
    return color.rgb2gray(image[..., :3] if image.shape[-1] == RGB_ALPHA else image)


def find_images(path):
    """The image itself, or all images of the folder."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES)


def process_arguments(args):
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Draw the edges of what is in images")
    parser.add_argument("--input-path", type=Path, required=True, help="an image, or a folder of images")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder the edges go to")
    parser.add_argument(
        "--method",
        default="sobel",
        choices=["sobel", "scharr", "prewitt", "farid"],
        help="how edges are found (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold", type=float, default=0.0, help="the strength below which an edge is left out"
    )
    parser.add_argument("--invert", action="store_true", help="draw dark on bright")
    return parser.parse_args(args)


def main(args):
    """Draws the edges of every image and tells what it wrote."""
    options = process_arguments(args)
    if not options.input_path.exists():
        sys.exit(f"{options.input_path} does not exist")
    images = find_images(options.input_path)
    if not images:
        sys.exit(f"{options.input_path} holds no images ({', '.join(sorted(IMAGES))})")
    options.output_path.mkdir(parents=True, exist_ok=True)
    for file in images:
        edges = find_edges(io.imread(file), options.method, options.threshold, options.invert)
        target = options.output_path / f"{file.stem}-edges.png"
        io.imsave(target, numpy.rint(edges * 255).astype(numpy.uint8), check_contrast=False)
        print(f"{file} -> {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
