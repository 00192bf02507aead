from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from triage.learning.measures import auroc
from triage.training.evaluate.metrics import confusion_of, metrics_for, resampled, sensitivity_at, with_intervals

CLASSES = ("a", "b", "c")


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    scores = rng.random((200, 3)) + np.eye(3)[truth] * 0.6
    return scores / scores.sum(axis=1, keepdims=True), truth


def test_figures_are_those_of_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, truth = scored
    predicted = probabilities.argmax(axis=1)
    found = {name: metric(probabilities, truth) for name, metric in metrics_for(CLASSES).items()}
    precision, recall, f1, _ = reference.precision_recall_fscore_support(truth, predicted)
    for index, name in enumerate(CLASSES):
        assert found[f"precision_{name}"] == pytest.approx(precision[index])
        assert found[f"recall_{name}"] == pytest.approx(recall[index])
        assert found[f"f1_{name}"] == pytest.approx(f1[index])
        expected = reference.roc_auc_score(truth == index, probabilities[:, index])
        assert found[f"auroc_{name}"] == pytest.approx(expected)
        false, true, _ = reference.roc_curve(truth == index, probabilities[:, index], drop_intermediate=False)
        assert found[f"sensitivity_at_95_specificity_{name}"] == pytest.approx(true[1 - false >= 0.95].max())
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, predicted))
    np.testing.assert_array_equal(confusion_of(probabilities, truth), reference.confusion_matrix(truth, predicted))


def test_ties_count_half() -> None:
    assert auroc(np.array([0.5, 0.5, 0.5, 0.5]), np.array([True, False, True, False])) == 0.5
    assert sensitivity_at(np.array([0.5, 0.5]), np.array([True, False])) == 0.0


def test_an_undefined_metric_is_nan_without_a_warning() -> None:
    probabilities, truth = np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 0])
    found = with_intervals(metrics_for(("a", "b")), probabilities, truth, [1, 2], draws=20)
    assert np.isnan(found["auroc_a"].value)
    assert np.isnan(found["auroc_a"].low)
    assert found["accuracy"].value == 1.0


def test_groups_are_resampled_whole() -> None:
    groups = ["p", "q", "p", "r", "q"]
    for sample in resampled(groups, seed=0, draws=50):
        counts = np.bincount(sample, minlength=5)
        assert counts[0] == counts[2]
        assert counts[1] == counts[4]


def test_copies_do_not_narrow_the_interval(scored: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, truth = (values[:60] for values in scored)
    wanted = {"accuracy": metrics_for(CLASSES)["accuracy"]}
    once = with_intervals(wanted, probabilities, truth, range(60), draws=300)["accuracy"]
    copied = with_intervals(wanted, np.tile(probabilities, (5, 1)), np.tile(truth, 5), [*range(60)] * 5, draws=300)
    assert copied["accuracy"].value == pytest.approx(once.value)
    assert copied["accuracy"].high - copied["accuracy"].low == pytest.approx(once.high - once.low, rel=0.25)
