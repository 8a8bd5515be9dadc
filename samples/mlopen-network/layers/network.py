"""A network of a few layers, that learns by Adam."""

import numpy


class Network:
    """Layers of `sizes` units each, with tanh between them; the last one gives a chance."""

    def __init__(self, sizes, seed):
        dice = numpy.random.default_rng(seed)
        self.weights = []
        for place, size in enumerate(sizes[1:]):
            self.weights += [
                dice.normal(0, 1 / numpy.sqrt(sizes[place]), (sizes[place], size)),
                numpy.zeros(size),
            ]
        self.means = [numpy.zeros_like(one) for one in self.weights]
        self.squares = [numpy.zeros_like(one) for one in self.weights]
        self.steps = 0

    def forward(self, points):
        """The chance of 1 for each point."""
        return self._layers(points)[-1][:, 0]

    def learn(self, points, wanted, rate):
        """One step with all points; gives the loss before it."""
        layers = self._layers(points)
        chance = layers[-1][:, 0]
        loss = -numpy.mean(numpy.log(numpy.where(wanted == 1, chance, 1 - chance) + 1e-12))
        slope = (chance - wanted)[:, None] / len(points)
        slopes = []
        for place in range(len(layers) - 1, 0, -1):
            slopes = [layers[place - 1].T @ slope, slope.sum(axis=0), *slopes]
            slope = slope @ self.weights[2 * place - 2].T * (1 - layers[place - 1] ** 2)
        self._step(slopes, rate)
        return float(loss)

    def _layers(self, points):
        layers = [points]
        count = len(self.weights) // 2
        for place in range(count):
            reached = layers[-1] @ self.weights[2 * place] + self.weights[2 * place + 1]
            layers.append(1 / (1 + numpy.exp(-reached)) if place == count - 1 else numpy.tanh(reached))
        return layers

    def _step(self, slopes, rate):
        self.steps += 1
        for place, slope in enumerate(slopes):
            self.means[place] = 0.9 * self.means[place] + 0.1 * slope
            self.squares[place] = 0.999 * self.squares[place] + 0.001 * slope**2
            mean = self.means[place] / (1 - 0.9**self.steps)
            square = self.squares[place] / (1 - 0.999**self.steps)
            self.weights[place] = self.weights[place] - rate * mean / (numpy.sqrt(square) + 1e-8)
