"""Classes by name, as a decorator takes them in."""

MODELS = {}


def register(name):
    def take(cls):
        if name in MODELS:
            raise ValueError(f"{name} is there twice")
        MODELS[name] = cls
        return cls

    return take
