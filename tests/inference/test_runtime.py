"""The network that serves is the one that was trained, in 8 bits; its answers, its map and the other maps."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from triage import phantoms
from triage.domain import Finding, Placement, Slice, likeliest
from triage.errors import ModelError
from triage.inference import two_look
from triage.inference.calibration import log_softmax
from triage.inference.card import CARD, KERAS, ONNX
from triage.inference.explain import Method, class_map, explain, load_keras
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.runtime import Answer, Runtime
from triage.inference.views import FRAME, MIDDLE, WHOLE, Box, crop
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.scans.quality.gate import not_analysable, unlike_a_head
from triage.settings import Settings
from triage.training.fit.losses import overlap
from triage.training.views.frames import mask_in_frame

FOLDER = Settings().model


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime(FOLDER)


@pytest.fixture(scope="module")
def pixels(slices: list[Phantom]) -> np.ndarray:
    return decode(slices[0].png).pixels


def test_what_serves_is_what_was_trained(runtime: Runtime, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks of the Keras network, weighed as the card says, give nearly the probabilities that 8 bits give."""
    monkeypatch.setattr(two_look, "DOUBT", 0.0)  # no mean of looks
    model = load_keras(FOLDER / KERAS)
    score = runtime.score(pixels)
    looks = Network(FOLDER / ONNX).look_twice(prepare(pixels, FRAME)[0])
    said = []
    for look in looks:
        shown = crop(prepare(pixels, FRAME)[0], look.box, runtime.card.input_size)
        said.append(log_softmax(model.predict(shown[None, ..., None], verbose=0)))
        np.testing.assert_allclose(look.log_probabilities, said[-1][0], atol=1)
    answer = runtime.card.fusion.probabilities(*said)[0]
    np.testing.assert_allclose(list(score.probabilities.values()), answer, atol=0.1)


def test_the_map_explains_the_logit_exactly(pixels: np.ndarray) -> None:
    """Spatial mean of the map plus bias is the logit."""
    bias = load_keras(FOLDER / KERAS).get_layer("logits").get_weights()[1]
    for box in (WHOLE, MIDDLE, Box(0.3, 0.2, 0.4)):
        look = Network(FOLDER / ONNX).look(prepare(pixels, FRAME)[0], box)
        np.testing.assert_allclose(look.log_probabilities, log_softmax(look.cam.mean(axis=(0, 1)) + bias), atol=5e-3)


def drawn(finding: Finding) -> tuple[np.ndarray, np.ndarray]:
    """Return an axial phantom slice ``(rows, columns)`` through a lesion, and where the lesion is drawn (bool)."""
    centre, radius = phantoms._place(finding, "ax", np.random.default_rng([9, 2]))
    pixels = phantoms._slice("ax", finding, centre, radius, np.random.default_rng([9, 2]))
    _, (across, left, right), (down, top, bottom) = phantoms.VIEWS["ax"]
    rows = np.linspace(top, bottom, pixels.shape[0])[:, None] - centre[down]
    columns = np.linspace(left, right, pixels.shape[1])[None] - centre[across]
    return pixels, np.hypot(rows, columns) < radius


def nearly(lesion: np.ndarray) -> np.ndarray:
    """Return the lesion with its blurred edge; a cell of a map is 20 pixels wide."""
    return binary_dilation(lesion, iterations=4)


def at_peak(lesion: np.ndarray, values: np.ndarray, look: Placement) -> bool:
    """Return whether the peak of a map ``(rows, columns)`` that covers a square of the slice lies in the lesion."""
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    y = look.top + (row + 0.5) / values.shape[0] * look.side
    x = look.left + (column + 0.5) / values.shape[1] * look.side
    return bool(lesion[int(y), int(x)])


@pytest.mark.parametrize("finding", [Finding.GLIOMA, Finding.MENINGIOMA])
def test_mask_map_and_second_look_lie_on_the_lesion(runtime: Runtime, finding: Finding) -> None:
    pixels, lesion = drawn(finding)
    score = runtime.score(pixels)
    assert likeliest(score.probabilities) is finding
    assert score.mask.shape == (FRAME, FRAME)
    outline = mask_in_frame(lesion, score.placement, FRAME)
    (dice,), _ = overlap(score.mask[None] >= 0.5, outline[None])
    assert dice > 0.75
    assert at_peak(lesion, score.mask, score.placement)
    rows, columns = np.nonzero(lesion)
    look = score.look
    assert look.left < columns.min() < columns.max() < look.left + look.side
    assert look.top < rows.min() < rows.max() < look.top + look.side
    assert look.side < 0.6 * score.placement.side
    assert score.cam.shape[2] == len(Finding)
    assert at_peak(nearly(lesion), score.cam[..., list(Finding).index(finding)], look)


def test_what_cannot_be_ruled_out_holds_the_answer(runtime: Runtime, slices: list[Phantom]) -> None:
    for phantom in slices:
        score = runtime.score(decode(phantom.png).pixels)
        assert likeliest(score.probabilities) in score.prediction_set


def test_a_phantom_is_familiar_and_noise_is_not(runtime: Runtime, pixels: np.ndarray) -> None:
    assert runtime.score(pixels).familiar
    noise = np.random.default_rng(0).integers(0, 255, (256, 256)).astype(np.uint8)
    assert not runtime.score(noise).familiar
    assert runtime.answer(Slice(noise)) == unlike_a_head(Slice(noise))


def test_what_ranks_a_slice_is_what_its_score_says(runtime: Runtime, slices: list[Phantom]) -> None:
    for phantom in slices:
        picture = decode(phantom.png)
        answer = runtime.answer(picture)
        assert isinstance(answer, Answer)
        assert answer.probabilities == runtime.score(picture.pixels).probabilities


def test_what_shows_nothing_is_refused_before_the_network_sees_it(runtime: Runtime) -> None:
    blank = Slice(np.zeros((200, 200), np.uint8))
    assert runtime.answer(blank) == not_analysable(blank)


@pytest.mark.parametrize("method", [Method.GRAD_CAM, Method.GRAD_CAM_PLUS_PLUS, Method.SCORE_CAM])
def test_other_maps_peak_on_the_lesion_too(runtime: Runtime, method: Method) -> None:
    pixels, lesion = drawn(Finding.GLIOMA)
    look = runtime.score(pixels).look
    values = explain(FOLDER, pixels, look, Finding.GLIOMA, method)
    assert values.shape == (runtime.card.input_size, runtime.card.input_size)
    assert 0 <= values.min() <= values.max() <= 1
    assert at_peak(nearly(lesion), values, look)


def test_the_map_of_any_flat_keras_model_peaks_where_its_evidence_is() -> None:
    """One filter averages its neighbourhood, and class 1 depends on nothing else: its evidence is a bright square."""
    import keras

    inputs = keras.Input((32, 32, 1))
    convolution, dense = keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Dense(2)
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(convolution(inputs))))
    kernel, weights = np.zeros((3, 3, 1, 4)), np.zeros((4, 2))
    kernel[..., 2], weights[2, 1] = 1 / 9, 1
    convolution.set_weights([kernel, np.zeros(4)])
    dense.set_weights([weights, np.zeros(2)])
    frame = np.random.default_rng(0).uniform(0, 0.2, (32, 32)).astype(np.float32)
    frame[18:26, 4:12] += 0.8
    for method in (Method.GRAD_CAM, Method.GRAD_CAM_PLUS_PLUS, Method.SCORE_CAM):
        values = class_map(model, frame, 1, method)
        assert values.shape == (32, 32)
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        assert 18 <= row < 26
        assert 4 <= column < 12


def test_threads_share_one_runtime(runtime: Runtime, slices: list[Phantom]) -> None:
    pictures = [decode(phantom.png).pixels for phantom in slices] * 3

    def glioma(picture: np.ndarray) -> float:
        return runtime.score(picture).probabilities[Finding.GLIOMA]

    alone = [glioma(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(glioma, pictures))
    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "model"))


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="TRIAGE_MODEL"):
        Runtime(tmp_path)


def test_an_altered_network_is_refused(copy: Path) -> None:
    with (copy / ONNX).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="altered"):
        Runtime(copy)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"preprocessing": 0}, "another preprocessing"), ({"fusion": "hot"}, "not a model card")],
)
def test_a_card_that_does_not_fit_is_refused(copy: Path, change: dict[str, object], words: str) -> None:
    card = json.loads((copy / CARD).read_text())
    (copy / CARD).write_text(json.dumps(card | change))
    with pytest.raises(ModelError, match=words):
        Runtime(copy)
