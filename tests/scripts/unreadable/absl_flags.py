from absl import app, flags

flags.DEFINE_string("input_path", None, "h")


def main(argv):
    pass


if __name__ == "__main__":
    app.run(main)
