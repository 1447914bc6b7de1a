"""The folder of one variant: its curves and its confusion, as tables for DVC and as pictures."""

from pathlib import Path

from stages.results.classification import accuracy_per_class, confusion_matrix, predicted_labels
from stages.results.figures import draw_accuracy_per_class, draw_confusion_matrix, draw_learning_curves
from stages.results.learning_curves import read_history, write_lines, write_table
from stages.results.predictions import Predictions


def write_variant_plots(folder: Path, history: Path, predictions: Predictions, *, title: str) -> None:
    """Writes the tables and pictures of one variant into `folder`.

    Args:
        folder: made where it does not exist.
        history: the variant's history.csv.
        predictions: the variant's predictions; the pictures show those for the test split.
        title: the variant, as the pictures name it.

    Raises:
        InputError: history.csv is missing or damaged.
    """
    loss, accuracy = read_history(history, "loss"), read_history(history, "accuracy")
    write_lines(folder / "loss.csv", loss, "loss")
    write_lines(folder / "accuracy.csv", accuracy, "accuracy")
    draw_learning_curves(folder / "learning_curves.png", loss, accuracy, title=title)

    confusion = confusion_matrix(predictions.test)
    classes = accuracy_per_class(confusion, predictions.class_names)
    write_table(folder / "confusion.csv", ["actual", "predicted"], _pairs(predictions))
    write_table(folder / "per_class_accuracy.csv", ["class", "accuracy", "n"], classes)
    draw_confusion_matrix(
        folder / "confusion_matrix.png",
        confusion,
        predictions.class_names,
        title=f"{title}: confusion on the test split",
    )
    draw_accuracy_per_class(
        folder / "per_class_accuracy.png", classes, title=f"{title}: accuracy per class on the test split"
    )


def _pairs(predictions: Predictions) -> list[tuple[str, str]]:
    """Returns (actual, predicted) class names, one pair per test image."""
    names = predictions.class_names
    labels = zip(predictions.test.labels, predicted_labels(predictions.test), strict=True)
    return [(names[actual], names[predicted]) for actual, predicted in labels]
