"""Comparisons: which are written, with which curves, under which names."""

import pytest
from small_results import EVALUATED, REPORT, write_evaluated

from stages.results import comparisons
from stages.results.evaluated import Evaluated


def write(folder, variants=("final", "flip"), report=REPORT, **records) -> bool:
    """Writes the comparison `zoom`; `records` are the changes of each variant that has run."""
    for name, changes in records.items():
        if not (folder / "plots" / "variants" / name).exists():
            write_evaluated(folder, name, **changes)
    (folder / "out").mkdir(exist_ok=True)
    return comparisons.write_comparison(
        folder / "out",
        "zoom",
        list(variants),
        "Fig. 5",
        evaluated={name: Evaluated(EVALUATED | changes, {}) for name, changes in records.items()},
        report=report,
        styles={name: number for number, name in enumerate(variants)},
        plots=folder / "plots" / "variants",
    )


def test_tables_hold_the_validation_curves_in_the_order_of_the_comparison(tmp_path):
    assert write(tmp_path, ("flip", "final"), final={}, flip={})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "zoom.png",
        "zoom.svg",
        "zoom_accuracy.csv",
        "zoom_loss.csv",
    ]
    assert (tmp_path / "out" / "zoom_loss.csv").read_text().splitlines() == [
        "epoch,variant,val_loss,colour",
        "1,flip,0.5,#0072B2",
        "2,flip,0.25,#0072B2",
        "1,final,0.5,#D55E00",
        "2,final,0.25,#D55E00",
    ]
    header = (tmp_path / "out" / "zoom_accuracy.csv").read_text().splitlines()[0]
    assert header == "epoch,variant,val_accuracy,colour"


@pytest.mark.parametrize("records", [{}, {"final": {}}])
def test_nothing_is_written_for_fewer_than_two_curves(tmp_path, records):
    assert not write(tmp_path, **records)
    assert list((tmp_path / "out").iterdir()) == []


def picture(folder, *variants, **records) -> bytes:
    write(folder, variants or ("final", "flip"), **records)
    return (folder / "out" / "zoom.png").read_bytes()


def test_the_picture_names_variants_that_are_missing_and_data_that_are_not_official(tmp_path):
    both = {"final": {}, "flip": {}}
    official = {name: {"provenance": "official"} for name in both}
    drawn = [
        picture(tmp_path, **both),
        picture(tmp_path, "final", "flip", "zoom_50", **both),
        picture(tmp_path, **official),
        picture(tmp_path, **{name: {"provenance": "own"} for name in both}),
    ]
    assert len(set(drawn)) == 4


def test_reported_values_are_drawn_only_where_they_can_be_compared(tmp_path):
    silent = REPORT | {"results": {}}
    for changes, is_drawn in (({}, True), ({"epochs": 1}, False)):
        records = {"final": changes, "flip": changes}
        assert (picture(tmp_path, **records) != picture(tmp_path, report=silent, **records)) == is_drawn


@pytest.mark.parametrize(
    "changes",
    [{"provenance": "own"}, {"format": "folder"}, {"inputs": {"labels.npy": "1", "split.npy": "ef"}}],
)
def test_curves_on_different_data_each_name_their_data(tmp_path, changes):
    write(tmp_path, final={}, flip=changes | {"dataset": "pets"})
    table = (tmp_path / "out" / "zoom_loss.csv").read_text()
    kind = changes.get("provenance", "stand-in")
    assert f'\n1,"flip (pets, {kind} data)",0.5,' in table
    assert '\n1,"final (cifar100, stand-in data)",0.5,' in table


def test_curves_of_several_seeds_keep_their_band(tmp_path):
    write_evaluated(tmp_path, "final", seeds=3)
    write(tmp_path, final={}, flip={})
    lines = (tmp_path / "out" / "zoom_loss.csv").read_text().splitlines()
    assert lines[0] == "epoch,variant,val_loss,low,high,colour"
    assert [line.rpartition(",")[0] for line in lines[1:4]] == [
        "1,final,0.5,0.375,0.625",
        "2,final,0.25,0.125,0.375",
        "1,flip,0.5,,",
    ]


def test_a_head_that_was_fitted_without_epochs_has_no_curve_beside_those_of_epochs(tmp_path):
    write_evaluated(tmp_path, "convex")
    for quantity in ("loss", "accuracy"):
        path = tmp_path / "plots" / "variants" / "convex" / f"{quantity}.csv"
        path.write_text(path.read_text().replace("epoch", "penalty"))
    assert write(tmp_path, ("final", "convex", "flip"), final={}, flip={}, convex={})
    assert "convex" not in (tmp_path / "out" / "zoom_loss.csv").read_text()
    assert not write(tmp_path, ("final", "convex"), final={}, convex={})


def test_two_heads_without_epochs_are_compared_by_penalty(tmp_path):
    for name in ("final", "flip"):
        write_evaluated(tmp_path, name)
        for quantity in ("loss", "accuracy"):
            path = tmp_path / "plots" / "variants" / name / f"{quantity}.csv"
            path.write_text(path.read_text().replace("epoch", "penalty"))
    assert write(tmp_path, final={}, flip={})
    assert (
        (tmp_path / "out" / "zoom_loss.csv")
        .read_text()
        .startswith("penalty,variant,val_loss,colour\n1,final,0.5,")
    )


def test_styles_differ_within_each_comparison_section_and_ladder_and_from_what_a_variant_extends():
    study = {
        "variants": ["a", "b", "c", "d", "child", "alone", "own", "one", "other"],
        "extends": {"child": "a", "other": "one"},
        "comparisons": {group: {"variants": list(group)} for group in ("abc", "cd", "da")},
        "ladders": [{"steps": [{"variant": name} for name in ("a", "alone", "own")]}],
        "report": {"results": {"a": {}, "b": {"section": "2"}, "c": {}, "d": {"section": "2"}, "child": {}}},
    }
    expected = {"a": 0, "b": 1, "c": 2, "d": 3, "child": 1, "alone": 0, "own": 1, "one": 0, "other": 1}
    assert comparisons.styles(study) == expected
