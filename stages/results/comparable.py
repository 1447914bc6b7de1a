"""The one place that says whether two results may be compared: two variants, or a variant and the report."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

SPLITS = ("train", "validation", "test")
OF_DATA = ("provenance", "format", "classes", "first_class", "last_class", "splits")
OF_SPLIT = ("labels.npy", "split.npy")  # inputs whose hashes say which image is where, features or not

# Formats in which a stand-in has the publisher's own pixels, as all images are stored at one size: in any
# file, the test images of the same classes are those of the report.
FIXED_PIXELS = ("cifar100",)


def is_same_data(one: Json, other: Json) -> bool:
    """Returns whether two variants learnt from and were tested on the same images, in the same order.

    Args:
        one: plots/variants/<name>/run.json.
        other: likewise.
    """
    shared = one["sources"].keys() & other["sources"].keys()  # those of a backbone may differ
    return (
        all(one[key] == other[key] for key in OF_DATA)
        and all(one["inputs"].get(name) == other["inputs"].get(name) for name in OF_SPLIT)
        and bool(shared)
        and all(one["sources"][name]["sha256"] == other["sources"][name]["sha256"] for name in shared)
    )


def reported(variant: str, record: Json, report: Json) -> Json:
    """Returns what the report says of a variant, {} unless it speaks of the same data and epochs."""
    found = report["results"].get(variant, {})
    return found if found and not obstacles(record, found, report) else {}


def obstacles(record: Json, reported: Json, report: Json) -> list[tuple[str, Any, Any]]:
    """Returns why a result cannot be compared with the report's; [] if it can.

    Each names what differs, its value here and its value in the report. If it is the `data`, of which the
    publisher has no copy, or their `format`, it is the only one.
    """
    dataset = report["datasets"][reported["dataset"]]
    if record["provenance"] not in ("official", "stand-in"):
        return [("data", record["provenance"], "official")]
    if record["format"] != reported["dataset"]:
        return [("format", record["format"], reported["dataset"])]
    splits = record["splits"]
    # The report also trained on images that are among the test images; they are left out here.
    images = splits | {"train": splits["train"] + splits.get("left_out", 0)}
    pairs = [
        ("classes", record["classes"], dataset["classes"]),
        *((key.replace("_", " "), record[key], dataset[key]) for key in ("first_class", "last_class")),
        *((f"{split} images", images[split], dataset[split]) for split in SPLITS),
        ("epochs", record["epochs"], reported["epochs"]),
    ]
    return [pair for pair in pairs if pair[1] != pair[2]]


def data_note(kind: str) -> str:
    """Returns the note that a result needs: "stand-in data", "" for official data."""
    return "" if kind == "official" else f"{kind} data"


def has_reports_images(record: Json) -> bool:
    """Returns whether the test images are the very ones of the report, for a result without obstacles."""
    return record["provenance"] == "official" or record["format"] in FIXED_PIXELS
