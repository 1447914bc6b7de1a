"""report: the page of a study, of which some variants have run."""

import base64
import io
import json
import re
from collections import Counter
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_results import EVALUATED, LABELS, NAMES, REPORT, write_run
from small_study import EPOCHS, STUDY, build_page, run_report, write_variant

from stages import report
from stages.datasets import packing, prepared
from stages.datasets.labelled import LabelledImages
from stages.page.bilingual import TEXTS
from stages.page.document import FOLDER
from stages.results import claims, contrasts, evaluated
from stages.results.claims_table import SIGNS
from stages.results.drawing import DASHES, PALETTE
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash
from stages.study.reported import MEASURES

OWN = STUDY | {
    "claims": [],
    "report": {"datasets": {}, "results": {}},
    "comparisons": {},
    "order": [],
    "sections": {},
    "source": None,
    "stand_ins": {},
}
PETS = {"my_pets": {"kind": "own", "sha256": "ab"}}


def text(page: str, other: str = "es") -> str:
    """Returns what a reader of English sees, without the page's style, script, data and `other` language."""
    page = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(rf'<(t?span) lang="{other}">.*?</\1>', "", page, flags=re.DOTALL)
    page = page.replace("<wbr>", "")  # a place where a name may be broken
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def data_of(page: str) -> dict:
    """Returns what the page's script draws and says."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def both(folder):
    """Returns what evaluate wrote of the variants on the page."""
    return evaluated.read(STUDY, folder / "metrics", folder / "plots" / "variants")


@pytest.fixture
def page(tmp_path):
    return build_page(tmp_path).read_text(encoding="utf-8")


def test_it_says_how_much_of_the_study_is_on_a_page_of_what_size(tmp_path, capsys):
    build_page(tmp_path)
    assert re.fullmatch(r"2 of 4 variants on a page of 0\.\d\d MB\n", capsys.readouterr().out)


def test_equal_results_give_equal_bytes(tmp_path):
    first = build_page(tmp_path).read_bytes()
    assert run_report(tmp_path).read_bytes() == first


def test_one_file_holds_all_and_refers_to_nothing(page):
    markup = re.sub(r"(<script.*?>).*?(</script>)", r"\1\2", page, flags=re.DOTALL)
    assert re.findall(r"""(?:src|srcset|action)=|url\(|@import|<link|<img""", markup) == []
    assert {target[0] for target in re.findall(r'href="(.+?)"', markup)} == {"#"}
    assert text(page).strip().endswith("to their owners.")
    assert "The report: a small one. The code is under the MIT licence" in text(page)
    assert "default-src 'none'" in page


def test_every_link_leads_somewhere_and_no_id_is_used_twice(page):
    ids = re.findall(r'\bid="(.+?)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#(.+?)"', page)) <= set(ids)


def test_the_reports_value_stands_beside_ours_with_interval_and_verdict(page):
    shown = text(page)
    # the report's 0.25 in 100 images; 0.5 here, of one seed
    row = r"Fig\. 16 0\.500 \(1 seed\) \[0\.\d{3}, 0\.\d{3}\] 0\.250 \+0\.250 \[\+0\.\d{3}, \+0\.\d{3}\]"
    assert re.search(rf"{row} ▲ better than reported one seed 1\.500 2\.000", shown)
    assert "How good is the network?" in shown
    assert "The report: Reasonably good, up from 0.42." in shown


def test_each_conclusion_of_the_report_has_its_verdict_and_what_was_measured(tmp_path):
    for name, accuracy in (("final", 0.8), ("normalised", 0.4)):
        write_variant(tmp_path, name, accuracy, seeds=3)
    page = build_page(tmp_path).read_text(encoding="utf-8")
    bounds = r"\[\+0\.\d{3}, \+0\.\d{3}\]"
    measured = (
        rf"✓ test accuracy , final − normalised : \+0\.400 {bounds} \(3 \+ 3 seeds\) , must be > 0\.02 "
    )
    assert re.search(rf"Here: ✓ holds It is better\. {measured}", text(page))
    bounds = r"\[\+0,\d{3}; \+0,\d{3}\]"
    measured = (
        rf"✓ exactitud en test , final − normalised : \+0,400 {bounds} \(3 \+ 3 semillas\) , debe ser > 0,02 "
    )
    assert re.search(rf"Aquí: ✓ se cumple Es mejor\. {measured}", text(page, "en"))
    assert "The report's conclusions: 1 ✓ holds" in text(page), "the overview counts verdicts"


def test_what_a_variant_changes_stands_beside_what_that_changed(tmp_path, page):
    shown = text(page)
    here, before = (both(tmp_path)[name] for name in ("final", "normalised"))
    found = contrasts.between(here, before)
    assert found.value == pytest.approx(0.1)
    bounds = re.escape(f"+0.100 [{found.low:+.3f}, {found.high:+.3f}]".replace("-", "−"))
    assert re.search(rf"final normalised batch_norm none → before flip no → yes {bounds} −?\+?0\.000", shown)
    assert re.search(r"zoom_50 normalised zoom 0 → 0\.5 ", shown)


def test_of_two_optimizers_only_what_differs_is_shown(tmp_path):
    slow, fast = (
        {"class_name": "SGD", "config": {"learning_rate": rate, "momentum": 0.0}} for rate in (0.1, 0.2)
    )
    adam = {"class_name": "Adam", "config": {"learning_rate": 0.001}}
    changes = STUDY["changes"] | {
        "final": {"parent": "normalised", "knobs": {"optimizer": [slow, adam]}},
        "zoom_50": {"parent": "normalised", "knobs": {"optimizer": [slow, fast]}},
    }
    page = build_page(tmp_path, STUDY | {"changes": changes}).read_text(encoding="utf-8")
    assert "optimizer SGD → Adam " in text(page)
    assert "optimizer learning_rate=0.1 → learning_rate=0.2 " in text(page)
    assert 'title="Adam(learning_rate=0.001)"' in page


def test_a_variant_is_not_compared_with_a_parent_on_other_data(tmp_path):
    write_variant(tmp_path, "normalised", 0.4, inputs={"labels.npy": "other", "split.npy": "other"})
    shown = text(build_page(tmp_path).read_text(encoding="utf-8"))
    assert re.search(r"flip no → yes not compared : different data (?!\+)", shown)
    assert "+0.100" not in shown


def test_several_seeds_are_a_mean_a_deviation_and_an_ensemble(tmp_path):
    write_variant(tmp_path, "final", seeds=3)
    page = build_page(tmp_path).read_text(encoding="utf-8")
    test = both(tmp_path)["final"].metrics["test"]
    mean = f"{test['accuracy']:.3f} ± {test['std']:.3f} (3 seeds)"
    assert text(page).count(mean) == 2, "in the leaderboard and in its section"
    assert mean == "0.510 ± 0.010 (3 seeds)"
    assert re.search(rf"{re.escape(mean)} \[0\.\d{{3}}, 0\.\d{{3}}\] 0\.\d{{3}} 0\.250", text(page))
    assert re.search(r"Seeds 0, 1, 2 Accuracy of each 0\.500 · 0\.510 · 0\.520 Ran on", text(page))


def test_curves_of_several_seeds_have_a_band_and_those_of_one_have_none(tmp_path):
    write_variant(tmp_path, "final", seeds=3)
    drawn = data_of(build_page(tmp_path).read_text(encoding="utf-8"))["variants"]
    low, high = drawn["final"]["bands"]["accuracy"][1]
    middle = drawn["final"]["accuracy"][1]
    assert len(middle) == EPOCHS
    assert all(below < value < above for below, value, above in zip(low, middle, high, strict=True))
    assert drawn["normalised"]["bands"] == {}


def test_a_head_without_epochs_shows_what_each_penalty_gave(tmp_path):
    build_page(tmp_path)
    write_variant(tmp_path, "mlp_head", 0.6, epochs=0, notes={"penalty": 0.01})
    for quantity in ("loss", "accuracy"):
        rows = [
            f"{penalty},{line},{shift + place / 8}"
            for line, shift in (("training", 0.1), ("validation", 0.2))
            for place, penalty in enumerate((0.001, 0.01))
        ]
        path = tmp_path / "plots" / "variants" / "mlp_head" / f"{quantity}.csv"
        path.write_text("\n".join([f"penalty,line,{quantity}", *rows, ""]))
    study = STUDY | {"comparisons": {"zoom": {"variants": ["normalised", "final", "mlp_head"]}}}
    page = run_report(tmp_path, study).read_text(encoding="utf-8")
    assert "0.001 0.100 0.200 0.100 0.200 0.01 0.225 0.325 0.225 0.325" in text(page)
    assert "<b>0.01</b>" in page, "the chosen one"
    assert "without curves: mlp_head" in text(page)
    assert all("mlp_head" not in names for names in re.findall(r'data-variants="(.*?)"', page))


def test_data_that_are_not_the_publishers_are_named_above_all(page):
    said = "stand-in data . These results rest on files that are not the publisher's: other images of apples"
    assert f"{said} . The files cifar100: archive.tar.gz" in text(page)


def test_stand_ins_that_nobody_describes_are_named_by_their_data(tmp_path):
    page = build_page(tmp_path, STUDY | {"stand_ins": {"12": {"en": "other", "es": "otro"}}})
    assert "not the publisher's: cifar100. The files cifar100: archive.tar.gz" in text(
        page.read_text("utf-8")
    )


def test_official_data_need_no_banner(tmp_path):
    sources = {"archive.tar.gz": {"kind": "official", "sha256": "ab"}}
    page = build_page(tmp_path, provenance="official", sources=sources).read_text(encoding="utf-8")
    assert '<div class="banner"' not in page
    assert "official data" in page


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"provenance": "generated"}, "generated data"),
        ({"epochs": 1}, "epochs : 1; report: 2"),
        ({"format": "folder"}, "format : folder; report: cifar100"),
    ],
)
def test_there_is_a_reason_in_place_of_a_verdict_where_data_or_settings_differ(tmp_path, changes, reason):
    page = build_page(tmp_path, **changes).read_text(encoding="utf-8")
    shown = text(page)
    assert f"≠ not comparable {reason}" in shown
    assert "than reported" not in shown
    assert '"reported"' not in page, "nor is the report's value a line in a chart"
    assert 'class="reported"' not in page


def test_a_study_of_ones_own_has_no_word_of_a_report_and_no_empty_columns(tmp_path):
    changes = {"provenance": "own", "sources": PETS, "dataset": "pets", "format": "folder"}
    page = build_page(tmp_path, OWN, **changes).read_text(encoding="utf-8")
    english, spanish = text(page).lower(), text(page, "en").lower()
    assert not re.search("report|verdict|beyond", english)
    assert not re.search("informe|veredicto|allá", spanish)
    said = "these results are on images that belong to this study: cifar100."
    assert f"own data . {said} the files cifar100: my_pets" in english
    assert re.search(
        r"variant accuracy \[95 %\] loss normalised 0\.400 \(1 seed\) \[0\.\d{3}, 0\.\d{3}\]", english
    )


def test_what_the_report_does_not_have_is_in_a_section_of_its_own_without_empty_columns(page):
    shown = text(page)
    beyond = shown[shown.rindex("Beyond the report") :]
    assert re.search(
        r"On the test images Variant Accuracy \[95 %\] Loss normalised 0\.400 \(1 seed\) "
        r"\[0\.\d{3}, 0\.\d{3}\] 1\.500 zoom_50 not run – mlp_head not run –",
        beyond,
    )
    assert "final" not in beyond[: beyond.index("Learning curves")]


def test_every_text_is_there_in_both_languages():
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    named = set(re.findall(r"""\b(?:text|named|_number)\(\s*"([^"]+)\"""", code))
    named |= set(re.findall(r"""TEXTS\["([^"]+)"\]""", code))
    assert named <= TEXTS.keys()
    for key, words in [*TEXTS.items(), *TEXTS["script"].items()]:
        if key != "script":
            assert set(words) == {"en", "es"}, key
            assert Counter(re.findall(r"{\w*}", words["en"])) == Counter(re.findall(r"{\w*}", words["es"])), (
                key
            )
    reasons = re.findall(r'return "([^"]+)", \(?\w', Path(claims.__file__).read_text(encoding="utf-8"))
    assert len(reasons) == 5, "the others are those of contrasts.py"
    assert {*reasons, *(f"fewer than {n} seeds" for n in (2, 3)), *SIGNS, claims.IN_PART} <= TEXTS.keys()
    assert {f"measure {measure}" for measure in MEASURES} <= TEXTS.keys()
    assert not re.search("[áéíóúñ¿]", code), "code holds no Spanish"


def test_nothing_has_run_and_the_page_still_lists_the_study(tmp_path):
    shown = text(run_report(tmp_path).read_text(encoding="utf-8"))
    assert "0 of 4 variants have run" in shown
    assert shown.count("○ not run") > 4


def test_names_of_classes_are_text_even_where_they_look_like_markup_or_like_nothing(page):
    body = page.split("</style>")[1]
    assert not re.search("<td><b>|>taken for <b>", body)
    assert "&lt;b&gt;" in body
    assert re.search(r"apple</td><td>nan</td>", body), "nan is a class"


def test_the_architecture_is_numbered_as_in_the_report(page):
    shown = text(page)
    assert "1 Conv2D 3 4 | 2 3 | 2 56" in shown
    assert "2 Batch norm. – 2 | 2 – 8" in shown
    assert "3 ReLU – 2 | 2 – Flatten – 2 | 8 – 4 Linear – 8 | 3 – 27 Softmax" in shown
    assert "Total 12,345" in shown


def test_a_section_the_page_has_no_text_for_still_has_its_place(tmp_path):
    results = {
        "final": REPORT["results"]["final"] | {"section": "2.10"},
        "normalised": {"dataset": "cifar100", "section": "2.9", "epochs": 2},
    }
    study = STUDY | {"report": REPORT | {"results": results}}
    shown = text(build_page(tmp_path, study).read_text(encoding="utf-8"))
    assert (
        shown.index("2.9 Section 2.9") < shown.index("2.10 Section 2.10") < shown.index("Beyond the report")
    )


def test_a_comparison_of_fewer_than_two_curves_is_not_drawn(tmp_path, page):
    assert "Zoom (Fig. 5) : without curves: zoom_50" in text(page)
    write_variant(tmp_path, "zoom_50", 0.3)
    both = run_report(tmp_path).read_text(encoding="utf-8")
    assert 'data-variants="normalised zoom_50"' in both


def with_photos(folder, labels=LABELS, *more, of_images=""):
    """Builds a page with pictures of the mistakes of `final`, on four test images of 8x8."""
    build_page(folder)
    images = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    (folder / "data" / "cifar100").mkdir(parents=True)
    data = LabelledImages(images, np.array(labels), np.ones(4, bool), NAMES)
    split = np.full(4, prepared.TEST)
    packing.write(folder / "data/cifar100", data, order=np.arange(4), split=split, duplicates={})
    seen = {"images.npy": of_images or file_hash(folder / "data/cifar100/images.npy")}
    write_run(folder / "models" / "final", inputs=seen)
    options = "--photos", str(folder / "data"), str(folder / "models"), *more
    return run_report(folder, STUDY, *options, name="photos.html").read_text(encoding="utf-8")


def test_the_most_confident_mistakes_are_pictures_if_one_asks_for_them(tmp_path):
    page = with_photos(tmp_path)
    # of apple, apple, baby, bear the second alone is wrong, with 1/2 for baby
    assert page.count('<img src="data:image/png;base64,') == 1
    assert "apple → baby (50 %)" in text(page)


def test_beside_each_mistake_is_where_the_network_looks_for_the_class_it_predicts(tmp_path, monkeypatch):
    asked = []

    def heat(name, images, classes):
        asked.append((name, images.shape, classes.tolist()))
        return np.ones((len(images), 2, 2), np.float32)

    monkeypatch.setattr(report, "_heat", lambda data, models: heat)
    page = with_photos(tmp_path, LABELS, "--grad-cam")
    assert asked == [("final", (1, 8, 8, 3), [NAMES.index("baby")])]
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)"', page)
    plain, looks = (np.asarray(Image.open(io.BytesIO(base64.b64decode(picture)))) for picture in pictures)
    redness = looks[:, :, 0].astype(int) - looks[:, :, 1]
    assert plain.shape == looks.shape
    assert redness.min() > 150


@pytest.mark.usefixtures("keras_configured")
def test_a_network_looks_at_images_of_its_own_size(tmp_path, monkeypatch):
    import keras
    from small_classifiers import mean_colour, write_seed

    monkeypatch.chdir(tmp_path)
    layers = (
        keras.layers.Conv2D(4, 1),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, "softmax"),
    )
    write_seed("net", mean_colour(8, *layers))
    images = np.random.default_rng(0).integers(256, size=(2, 16, 16, 3), dtype=np.uint8)
    heat = report._heat(Path("data"), Path("models"))("net", images, np.array([0, 1]))
    assert heat.shape == (2, 8, 8)
    assert heat.max() <= 1


def test_where_networks_look_needs_their_images(tmp_path):
    with pytest.raises(InputError, match="received --grad-cam or --try without --photos"):
        run_report(tmp_path, STUDY, "--grad-cam")


@pytest.mark.parametrize("other", [{"labels": LABELS[::-1]}, {"of_images": "another hash"}], ids=list)
def test_photos_of_other_images_than_it_was_tested_on_are_refused(tmp_path, other):
    with pytest.raises(InputError, match="final was tested on images other than those in data"):
        with_photos(tmp_path, **other)


def test_the_page_that_git_keeps_gets_no_photos(tmp_path):
    with pytest.raises(InputError, match="photos do not belong there"):
        run_report(tmp_path, STUDY, "--photos", "data", "models")
    assert not (tmp_path / "plots" / "report.html").exists()


def test_lines_have_the_colours_of_the_pictures():
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    colours = re.findall(r"--c(\d): light-dark\((#\w{6})", style)
    assert [colour for _, colour in colours] == [colour.lower() for colour in PALETTE]
    assert all(f".s{number} {{" in style for number, _ in colours)
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    assert set(re.findall(r"style % (\d)", script)) == {str(len(PALETTE)), str(len(DASHES))}


def test_two_hundred_classes_have_no_matrix_but_their_worst_pairs(tmp_path):
    build_page(tmp_path)
    write_variant(tmp_path, "zoom_50", classes=200, last_class="x")
    page = run_report(tmp_path).read_text(encoding="utf-8")
    assert page.count('<figure class="matrix"') == 2
    assert page.count("Most confused classes") == 3
    assert EVALUATED["classes"] == 3
