"""The cross-entropy of targets and probabilities."""

from typing import Any

import keras


def loss(targets: Any, outputs: Any, *, label_smoothing: float = 0.0) -> Any:
    """Returns the cross-entropy of each row, in nats.

    With TensorFlow, Keras uses the logits instead of probabilities that come straight out of a softmax, so
    that small ones keep their gradient.

    Args:
        targets: float32[b, classes], each adding up to 1.
        outputs: probabilities, float32[b, classes].
        label_smoothing: share of each target that is spread over all classes, in [0, 1) (Szegedy et al.
            2015, *Rethinking the Inception Architecture*, section 7).

    Returns:
        float32[b].
    """
    return keras.losses.categorical_crossentropy(targets, outputs, label_smoothing=label_smoothing)
