import argparse
import mlreef_stub as mlreef  # a helper beside the script
from mlreef_stub import data_processor, metric, param

NAME = "Everything " + "annotated"


@mlreef.data_processor(NAME, "Somebody", "cmd", type="ALGORITHM", description="d", visibility="PRIVATE",
                       input_type="image", output_type="MODEL", slug="my-slug")
@param("input-path", "str", True, ".", "positional")
@mlreef.parameter("output-path", datatype="STRING", required=True, default_value="out")
@mlreef.parameter(name="rate", type="FLOAT", required=False, defaultValue=0.5, description="named")
@metric(name="RECALL", ground_truth="truth", prediction="guess")
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", required=True, help="given")
    parser.add_argument("--output-path", required=True, help="given too")
    parser.add_argument("--rate", type=float, default=0.5, help="a rate")
    parser.parse_args()


if __name__ == "__main__":
    main()
