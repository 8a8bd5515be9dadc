"""Decorators that do nothing; not a script of its own."""


def data_processor(*args, **kwargs):
    return lambda function: function


parameter = param = metric = data_processor
