import fire


def main(input_path):
    pass


if __name__ == "__main__":
    fire.Fire(main)
