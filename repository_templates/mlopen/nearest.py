"""The work itself, apart from how it is called."""

import numpy

IN_DOUBT = "in doubt"


def learn(rows, classes, scaled):
    """The middle of each class, and the scale of each column."""
    numbers = numpy.array(rows, dtype=float)
    spread = numbers.std(axis=0) if scaled else numpy.ones(numbers.shape[1])
    spread[spread == 0] = 1.0
    names = sorted(set(classes))
    which = numpy.array([names.index(one) for one in classes])
    middles = [numbers[which == place].mean(axis=0) / spread for place in range(len(names))]
    return {"names": names, "middles": numpy.array(middles), "spread": spread}


def classify(model, rows, doubt):
    """The class whose middle is nearest; in doubt where the next one is hardly further away."""
    numbers = numpy.array(rows, dtype=float) / model["spread"]
    far = numpy.sqrt(((numbers[:, None, :] - model["middles"][None, :, :]) ** 2).sum(axis=2))
    found = []
    for one in far:
        best, *others = numpy.argsort(one, kind="stable")
        sure = not others or one[others[0]] - one[best] >= doubt * one[best]
        found.append(model["names"][best] if sure else IN_DOUBT)
    return found
