import hydra


@hydra.main(config_path="conf")
def main(cfg):
    pass


if __name__ == "__main__":
    main()
