"""A small study as its stages leave it, with two variants that have run and one that has not.

Its networks are texts and its predictions are drawn: what is tested with it inspects, and trains nothing.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from stages.datasets.arrays import pack
from stages.datasets.examples import Examples
from stages.hashes import file_hash
from stages.inspection.workspaces import Workspace, cached
from stages.results.classification import measure
from stages.results.learning_curves import read_history, write_lines
from stages.results.predictions import read_predictions
from stages.results.summary import summary_row, write_summary

ARCHIVES = {  # source -> file; those of CIFAR-100 alone are the publisher's
    "cifar100": "cifar.tgz",
    "cub200": "images.tgz",
    "resnet50": "backbone.keras",
}
OFFICIAL = ("cifar100",)
KNOBS = {"epochs": 2, "seed": 0, "threads": 2}
SET_OF = {"final": "cifar100", "linear_head": "cub200"}
PARAMS: dict[str, Any] = {
    "sources": {
        source: {
            name: {
                "bytes": len(name),
                "sha256": hashlib.sha256(f"{source}".encode()).hexdigest(),
                "urls": ["https://example.org"],
            }
        }
        for source, name in ARCHIVES.items()
    },
    "datasets": {"cifar100": {"image_size": 8}, "cub200": {"image_size": 8}},
    "variants": {"final": {"epochs": 2}, "not_run": {"epochs": 3}},
    "heads": {"linear_head": {"epochs": 2}},
    "fine_tunes": {},
    "report": {"final": {"section": "2.7", "accuracy": 0.5}},
}

STAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # name -> deps and outs
    "resolve": (("params.yaml",), ("data/variants",)),
    "download@cifar100": ((), ("data/archives/cifar100",)),
    "download@cub200": ((), ("data/archives/cub200",)),
    "download@resnet50": ((), ("data/archives/resnet50",)),
    "prepare@cifar100": (("data/archives/cifar100",), ("data/cifar100",)),
    "prepare@cub200": (("data/archives/cub200",), ("data/cub200",)),
    "build_backbone": (("data/archives/resnet50",), ("data/resnet50",)),
    "cache_features": (("data/cub200/images.npy", "data/resnet50/backbone.keras"), ("data/features",)),
    "train@final": (("data/cifar100", "data/variants/final.json"), ("models/final",)),
    "train_head@linear_head": (
        ("data/cub200", "data/features", "data/resnet50", "data/variants/linear_head.json"),
        ("models/linear_head",),
    ),
    "evaluate@final": (("models/final",), ("metrics/final.json", "plots/variants/final/loss.csv")),
    "evaluate_head@linear_head": (
        ("models/linear_head",),
        ("metrics/linear_head.json", "plots/variants/linear_head/loss.csv"),
    ),
    "compare": (
        ("metrics", "plots/variants"),
        ("plots/summary.csv", "plots/summary.json", "plots/summary.md"),
    ),
}


def write(folder: Path) -> None:
    """Writes params.yaml, data, models, metrics and plots."""
    (folder / "params.yaml").parent.mkdir(parents=True, exist_ok=True)
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(PARAMS, file)
    for source, name in ARCHIVES.items():
        write_archive(folder / "data/archives" / source, source, name)
    for dataset in ("cifar100", "cub200"):
        write_dataset(folder, dataset)
    write_backbone(folder)
    write_features(folder / "data/features", len(np.load(folder / "data/cub200/images.npy")))
    for name in ("final", "not_run", "linear_head"):
        write_json(folder / f"data/variants/{name}.json", {"name": name, "code": "c" * 64, **KNOBS})
    for name in SET_OF:
        write_model(folder, name)
        write_metrics(folder, name)
        history = folder / f"models/{name}/history.csv"
        write_lines(folder / f"plots/variants/{name}/loss.csv", read_history(history, "loss"), "loss")
    write_plots(folder)


def opened(folder: Path) -> Workspace:
    """Returns the study as an inspection would see it if DVC had just recorded all that is there."""
    now = Workspace(folder, PARAMS)
    entries = {
        stage: {
            kind: [{"path": path, "md5": now.md5(Path(path))} for path in paths]
            for kind, paths in zip(("deps", "outs"), made, strict=True)
        }
        for stage, made in STAGES.items()
    }
    for path in (out["path"] for entry in entries.values() for out in entry["outs"]):
        if path.startswith(("data/", "models/")):
            cache(now, Path(path))
    entries["prepare@cub200"]["params"] = {"params.yaml": {"datasets.cub200": PARAMS["datasets"]["cub200"]}}
    return Workspace(folder, PARAMS, entries)


def cache(workspace: Workspace, path: Path) -> None:
    """Copies an output into the cache, as DVC does."""
    files = sorted(file for file in (workspace.root / path).rglob("*") if file.is_file())
    names = [file.relative_to(workspace.root) for file in files]
    for name in names:
        put(workspace, workspace.hash(name, "md5"), (workspace.root / name).read_bytes())
    listing = [{"md5": workspace.hash(n, "md5"), "relpath": n.relative_to(path).as_posix()} for n in names]
    put(workspace, workspace.md5(path), json.dumps(listing, sort_keys=True).encode())


def put(workspace: Workspace, md5: str, content: bytes) -> None:
    place = workspace.root / cached(md5)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def edit_json(path: Path, *keys: str, value: Any) -> None:
    """Sets one value deep in a JSON file."""
    content = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


def write_archive(folder: Path, source: str, name: str) -> None:
    folder.mkdir(parents=True)
    kind = "official" if source in OFFICIAL else "stand-in"
    (folder / name).write_text(source if kind == "official" else f"another {source}")
    entry = {"kind": kind, "bytes": (folder / name).stat().st_size, "sha256": file_hash(folder / name)}
    write_json(folder / "provenance.json", {name: entry})


def write_dataset(folder: Path, dataset: str) -> None:
    """Packs 40 pictures of 8x8 of three classes, 20 of them for tests."""
    rng = np.random.default_rng(len(dataset))
    images, labels = rng.integers(0, 256, (40, 8, 8, 3), np.uint8), np.arange(40) % 3
    examples = Examples(images, labels, np.arange(40) >= 20, ["ant", "bee", "cow"])
    (folder / "data" / dataset).mkdir(parents=True)
    sources = json.loads((folder / "data/archives" / dataset / "provenance.json").read_text())
    pack(examples, folder / "data" / dataset, dataset=dataset, sources=sources, share=0.3, seed=0)


def write_backbone(folder: Path) -> None:
    write_json(
        folder / "data/resnet50/provenance.json",
        json.loads((folder / "data/archives/resnet50/provenance.json").read_text()),
    )
    (folder / "data/resnet50/backbone.keras").write_text("a backbone")


def write_features(folder: Path, n: int) -> None:
    maps = np.random.default_rng(0).random((n, 2, 2, 4)).astype(np.float16)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "maps.npy", maps)
    np.save(folder / "pooled.npy", maps.mean(axis=(1, 2), dtype=np.float32))
    note_features(folder, n)


def note_features(folder: Path, n: int) -> None:
    """Writes the manifest of features; rightly also of wrong ones."""
    hashes = {name: file_hash(folder / name) for name in ("maps.npy", "pooled.npy")}
    write_json(folder / "manifest.json", {"images": n, "map": [2, 2, 4], "sha256": hashes})


def write_model(folder: Path, name: str) -> None:
    model, data = folder / "models" / name, folder / "data" / SET_OF[name]
    model.mkdir(parents=True)
    (model / "model.keras").write_text(f"the network of {name}")
    columns = "epoch,loss,accuracy,val_loss,val_accuracy"
    lines = [columns, "1,2.0,0.3,2.1,0.2", f"2,1.{len(name)},0.5,1.9,0.4", ""]
    (model / "history.csv").write_text("\n".join(lines))
    write_predictions(model / "predictions.npz", data)
    note_model(folder, name)


def write_predictions(path: Path, data: Path, *, first_test: int = 0) -> None:
    """Draws probabilities for the pictures of a data set; for fewer, from the test picture `first_test`."""
    rng = np.random.default_rng(0)
    labels, split = np.load(data / "labels.npy"), np.load(data / "split.npy")
    arrays = {"class_names": np.array(json.loads((data / "class_names.json").read_text()))}
    for number, name, first in ((1, "validation", 0), (2, "test", first_test)):
        arrays[f"{name}_labels"] = labels[split == number][first:]
        n = len(arrays[f"{name}_labels"])
        arrays[f"{name}_probabilities"] = rng.dirichlet([1, 1, 1], n).astype(np.float32)
    np.savez(path, **arrays)


def note_model(folder: Path, name: str) -> None:
    """Writes run.json; rightly also of wrong files."""
    model = folder / "models" / name
    sources = json.loads((folder / "data" / SET_OF[name] / "manifest.json").read_text())["sources"]
    if name == "linear_head":
        sources |= json.loads((folder / "data/resnet50/provenance.json").read_text())
    kinds = {source["kind"] for source in sources.values()}
    files = ("model.keras", "history.csv", "predictions.npz")
    record = {
        "variant": name,
        "dataset": SET_OF[name],
        "parameters": {"total": 10, "trainable": 10},
        "backend": "tensorflow",
        "device": "cpu",
        "provenance": "official" if kinds == {"official"} else "stand-in",
        "versions": {"python": "3.11"},
        "settings": {},
        "sources": sources,
        "sha256": {file: file_hash(model / file) for file in files},
        **KNOBS,
    }
    write_json(model / "run.json", record)


def write_metrics(folder: Path, name: str) -> None:
    model = folder / "models" / name
    record = json.loads((model / "run.json").read_text())
    del record["sha256"]
    record["sources"] = {
        file: {key: source[key] for key in ("kind", "sha256")} for file, source in record["sources"].items()
    }
    predictions = read_predictions(model / "predictions.npz")
    measures = {split: measure(getattr(predictions, split)) for split in ("validation", "test")}
    write_json(folder / f"metrics/{name}.json", record | measures)


def write_plots(folder: Path) -> None:
    (folder / "plots").mkdir(exist_ok=True)
    rows = []
    for name, dataset in {"final": "cifar100", "not_run": "cifar100", "linear_head": "cub200"}.items():
        path = folder / f"metrics/{name}.json"
        metrics = json.loads(path.read_text()) if path.exists() else None
        rows.append(summary_row(name, dataset, reported=PARAMS["report"].get(name, {}), metrics=metrics))
    write_summary(folder / "plots", rows)
