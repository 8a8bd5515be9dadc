import argparse

from mlreef import data_processor, parameter


@data_processor(name="n", type="OPERATION", input_type="ANY", output_type="ANY")
@parameter(name="input-path", type="STRING", required=True)
@parameter(name="output-path", type="STRING", required=True)
@parameter(name="mode", type="STRING", required=True, defaultValue="c")
@parameter(name="size", type="FLOAT", required=True)
@parameter(name="gone", type="STRING", required=True)
@parameter(name="bad name", type="STRING")
@parameter(type="STRING")
@parameter(name="odd", type="COLOUR")
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", required=True)
    parser.add_argument("--output-path", required=True)
    parser.add_argument("--mode", choices=["a", "b"], required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--odd")
    parser.parse_args()


if __name__ == "__main__":
    main()
