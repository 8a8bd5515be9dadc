"""A table of classes by name, filled by a decorator that belongs to the class."""

from collections import defaultdict


class Table:
    classes = defaultdict(dict)

    @classmethod
    def register(cls, name, constructor=None):
        """Puts a class into the table.

        The words here are many, and none of them does anything: a function is as long as what it does.
        """
        table = Table.classes[cls]

        def put(subclass):
            if name in table:
                raise ValueError(f"{name} is taken by {table[name][0].__name__}")
            table[name] = (subclass, constructor)
            return subclass

        return put

    @classmethod
    def by_name(cls, name):
        if name in Table.classes[cls]:
            subclass, constructor = Table.classes[cls][name]
            return getattr(subclass, constructor) if constructor else subclass
        raise KeyError(name)


class Command(Table):
    wants_more = False
    names = {}

    @classmethod
    def register(cls, name, constructor=None):
        put = super().register(name, constructor=constructor)

        def put_twice(subclass):
            subclass = put(subclass)
            cls.names[subclass] = name
            return subclass

        return put_twice

    @property
    def name(self):
        return self.names[self.__class__]
