"""Ridge regression of one-hot classes, in closed form (Rifkin and Klautau 2004, "In Defense of One-Vs-All").

The weights minimise half the mean squared distance between scores and one-hot classes, plus penalty / 2 times
the sum of squared weights, the biases left free. They are a sum of examples (see `convex`), so that one
decomposition of the examples' products serves all penalties; validation chooses one. Scores between 0 and 1
make poor logits: they are multiplied by the number that gives the lowest validation loss (Guo et al. 2017,
temperature scaling), which leaves the order of the classes as it is.
"""

import keras
import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize_scalar
from scipy.special import softmax

# By the names they have, as others would train sound heads again.
from stages.trainers.convex import Examples, Penalties, _examples, _last_layer, _product
from stages.training.fitting import Fitted, TrainingRun
from stages.training.fitting import best as best_of
from stages.training.prediction import loss_and_accuracy

KNOBS = ("penalties", "monitor")
ONE_OPTIMUM = True  # for every seed, so that `resolve` accepts only one
PREFIXES = {"": "train", "val_": "validation"}  # of the columns of the history
LARGEST_SCALE = 1000.0


def fit(run: TrainingRun) -> Fitted:
    """Fits a head for each penalty and keeps the best; memory grows with the square of the examples.

    Args:
        run: its model's last layer gets the weights.

    Returns:
        Per penalty, from the largest: penalty, loss, accuracy, val_loss and val_accuracy (of the mean over
        views), scale (of the scores); and the penalty that was chosen.

    Raises:
        InputError: the network has other weights to train than those of its last layer.
    """
    settings, layer = run.settings(Penalties), _last_layer(run)
    parts = {prefix: _examples(run, layer, split) for prefix, split in PREFIXES.items()}
    train = parts[""]
    turned = keras.ops.transpose(train.x)
    products = {prefix: _product(part.x, turned) for prefix, part in parts.items()}
    of_classes = np.eye(len(run.data.class_names))[np.repeat(train.labels, train.views)]
    shares, n = of_classes.mean(axis=0), len(of_classes)
    # What the products would be, had the mean of the examples been subtracted, without a copy of them all.
    mean = products[""].mean(axis=0)
    centred = {
        prefix: each - each.mean(axis=1)[:, None] - mean + mean.mean() for prefix, each in products.items()
    }
    squares, directions = eigh(centred[""])
    wanted = directions.T @ (of_classes - shares)

    history: list[dict[str, float]] = []
    for penalty in sorted(settings.penalties, reverse=True):
        # Each column sums to 0, so that what was subtracted from the products changes no weight.
        of_examples = directions @ (wanted / (np.maximum(squares, 0) + n * penalty)[:, None])
        scores = {prefix: _product(each, of_examples) + shares for prefix, each in centred.items()}
        scale = _scale(scores["val_"], parts["val_"])
        record = {"penalty": penalty}
        for prefix, part in parts.items():
            measured = loss_and_accuracy(_probabilities(scale * scores[prefix], part), part.labels)
            record |= {f"{prefix}{name}": value for name, value in measured.items()}
        history.append(record | {"scale": scale})
        if best_of(history, settings.monitor) == len(history) - 1:
            kernel, bias = _product(turned, of_examples), shares - mean @ of_examples
            layer.set_weights([scale * kernel, scale * bias])
        values = ", ".join(f"{name} {value:.4f}" for name, value in list(history[-1].items())[1:])
        print(f"{run.name}: penalty {penalty:g}, {values}", flush=True)
    return Fitted(history, {"penalty": history[best_of(history, settings.monitor)]["penalty"]})


def _scale(scores: np.ndarray, examples: Examples) -> float:
    """Returns the factor with which scores, as logits, give the lowest loss."""

    def loss(logarithm: float) -> float:
        found = _probabilities(np.exp(logarithm) * scores, examples)
        return loss_and_accuracy(found, examples.labels)["loss"]

    bounds = (0.0, float(np.log(LARGEST_SCALE)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _probabilities(logits: np.ndarray, examples: Examples) -> np.ndarray:
    """Returns the mean over the views of each example, float64[n, k]."""
    return softmax(logits, axis=1).reshape(len(examples.labels), examples.views, -1).mean(axis=1)
