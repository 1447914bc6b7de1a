"""Networks that a page computes: which, and that it gives Keras' probabilities, in a real browser."""

import base64
import html
import io
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import small_classifiers
from PIL import Image
from test_page_in_browser import browse

from stages.classifiers import in_browser, trained
from stages.datasets import images
from stages.networks import base_net, deeper_net
from stages.networks.layers import scale_pixels

pytestmark = pytest.mark.usefixtures("keras_configured")

SIZE = 16
TOLERANCE = 1e-4
STATISTICS = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
PROBE = """<script>window.addEventListener("load", async () => {
  const seen = {}, answers = document.querySelector("#try .answers");
  const input = document.querySelector("#try input");
  for (const [name, bytes] of Object.entries(FILES)) {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(bytes), sign => sign.charCodeAt(0))], name));
    answers.replaceChildren();
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
    while (!answers.childNodes.length) await new Promise(done => setTimeout(done, 20));
    seen[name] = Object.fromEntries([...answers.children].map(answer => [
      answer.querySelector("code").textContent,
      [...answer.querySelectorAll("li")].map(line => [line.textContent, +line.title])]));
  }
  const told = document.createElement("pre");
  told.id = "seen"; told.textContent = JSON.stringify(seen); document.body.append(told);
});</script>"""


def network(build, seed, statistics=None, **knobs):
    """Returns a network whose weights and moving statistics are drawn."""
    inputs = keras.Input((SIZE, SIZE, 3), name="image")
    x = scale_pixels(inputs, statistics)
    model = keras.Model(inputs, build(x, n_classes=3, seed=seed, **knobs), name="net")
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if "_bn" in weight.path:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = network(base_net.build, 1, filters=[4], dense_units=[8])
    knobs = {"filters": [4, 6], "dense_units": [8], "dense_dropout": [0.5], "batch_norm": "after"}
    deeper = network(deeper_net.build, 2, STATISTICS, **knobs)
    for name, model, resize in (("small", small, "squash"), ("deeper", deeper, "crop")):
        about = {"image_size": SIZE, "resize": resize, "class_names": ["red", "<b>", "blau 2"]}
        small_classifiers.write_seed(name, model, **about)
    small_classifiers.write_net()
    return tmp_path


def encoded(width, height, kind="PNG"):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.claimed("browser")
def test_a_page_gives_the_probabilities_of_keras_whatever_the_size_of_the_image(project):
    files = {
        "equal.png": encoded(SIZE, SIZE),
        "small.png": encoded(5, 9),
        "wide.png": encoded(200, 31),
        "photo.jpg": encoded(90, 120, "JPEG"),
    }
    section = in_browser.section(["small", "deeper", "net", "other"], Path("models"), Path("data"))
    given = json.dumps({name: base64.b64encode(content).decode() for name, content in files.items()})
    Path("page.html").write_text(f"<!doctype html>{section}{PROBE.replace('FILES', given)}", encoding="utf-8")
    shown = browse(project, (project / "page.html").as_uri(), "--dump-dom")
    seen = json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', shown, re.DOTALL)[1]))
    for name, content in files.items():
        assert seen[name].keys() == {"small", "deeper"}
        for variant, lines in seen[name].items():
            classifier = trained.load(variant)
            image = images.decode(content, size=SIZE, name=name, resize=classifier.resize)
            expected = dict(
                zip(classifier.class_names, classifier.probabilities(image[None])[0], strict=True)
            )
            found = {line.rsplit(" ", 2)[0]: share for line, share in lines}
            assert found.keys() == expected.keys()
            assert [share for _, share in lines] == sorted(found.values(), reverse=True)
            for label, share in expected.items():
                assert abs(found[label] - share) <= TOLERANCE, (name, variant)


def test_other_layers_a_branch_and_many_weights_are_no_network_for_a_page(project):
    assert in_browser.described(trained.load("net")) is None  # its mean over the maps
    inputs = keras.Input((8,))
    x = keras.layers.Dense(8, name="one")(inputs)
    branched = keras.Model(inputs, keras.layers.Activation("softmax")(keras.layers.Dense(3)(inputs)))
    assert in_browser.described(trained.Classifier(branched, ("a", "b", "c"), 8)) is not None
    branched = keras.Model(inputs, [keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)])
    assert in_browser.described(trained.Classifier(branched, ("a", "b", "c"), 8)) is None
    large = keras.Model(inputs, keras.layers.Dense(in_browser.MOST)(inputs))
    assert in_browser.described(trained.Classifier(large, ("a",), 8)) is None


def test_without_a_network_there_is_no_section(project):
    assert in_browser.section(["net"], Path("models"), Path("data")) == ""
