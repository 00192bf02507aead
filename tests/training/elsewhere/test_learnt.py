from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from triage.training.elsewhere import learnt
from triage.training.elsewhere.learnt import RESULTS_FILE, Learnt, read_weights


def weights(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float16) for shape in ((3, 3, 8, 16), (16,), (16, 40))]


def test_each_trial_is_there_as_soon_as_it_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt, "MAX_PART", 12_000)  # two trials
    writer = Learnt(tmp_path, {"pack": "7"})
    for seed in range(5):
        writer.add(f"trial-{seed}", "small", weights(seed), {"epochs": seed})
        record = json.loads((tmp_path / RESULTS_FILE).read_text())
        assert record["pack"] == "7"
        assert list(record["trials"]) == [f"trial-{number}" for number in range(seed + 1)]
        for number, trial in enumerate(record["trials"].values()):
            assert trial["epochs"] == number
            for before, after in zip(weights(number), read_weights(tmp_path, trial), strict=True):
                np.testing.assert_array_equal(after, before)
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("*.npz")}
    assert sorted(sizes) == ["small-0.npz", "small-1.npz", "small-2.npz"]
    assert max(sizes.values()) <= 12_000


def test_eleven_trials_in_one_part_are_told_apart(tmp_path: Path) -> None:
    writer = Learnt(tmp_path, {})
    for seed in range(11):
        writer.add(str(seed), "small", weights(seed), {})
    for name, trial in json.loads((tmp_path / RESULTS_FILE).read_text())["trials"].items():
        np.testing.assert_array_equal(read_weights(tmp_path, trial)[0], weights(int(name))[0])


def test_a_large_trial_fills_several_parts_and_recipes_do_not_share_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learnt, "MAX_PART", 4_000)
    writer = Learnt(tmp_path, {})
    for seed in range(4):
        writer.add(str(seed), ("large", "../small")[seed % 2], weights(seed), {})
    trials = json.loads((tmp_path / RESULTS_FILE).read_text())["trials"]
    assert trials["0"]["parts"] == ["large-0.npz", "large-1.npz"]
    assert trials["2"]["parts"] == ["large-2.npz", "large-3.npz"]
    assert trials["1"]["parts"] == ["..-small-0.npz", "..-small-1.npz"]
    for name, trial in trials.items():
        for before, after in zip(weights(int(name)), read_weights(tmp_path, trial), strict=True):
            np.testing.assert_array_equal(after, before)
