"""What a model has seen, written into its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import head, manifest_set, picture

from triage.copies.seen import SEEN, Pictures, Use, read_seen
from triage.inference.card import CARD, MODEL_CARD, read_card
from triage.settings import Settings
from triage.training.layouts import LayoutError, read_dataset
from triage.training.release.remember import remember


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The shipped model under another name, as if it had been trained on two drawn sources."""
    shipped, folder = Settings().model, tmp_path / "drawn"
    card = read_card(shipped)
    folder.mkdir()
    for name in card.files:
        (folder / name).symlink_to(shipped.resolve() / name)
    (folder / SEEN).unlink(missing_ok=True)
    config = card.training["config"] | {"sources": ["br35h", "figshare"]}
    files = {name: digest for name, digest in card.files.items() if name != SEEN}
    changed = {"name": "drawn", "files": files, "training": card.training | {"config": config}}
    (folder / CARD).write_text(card.model_copy(update=changed).model_dump_json())
    return folder


def test_sources_that_it_was_trained_on_are_told_from_others(model: Path, tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data", each=3, others=2))
    card = remember(model, dataset)
    assert card.metrics["seen"] == {"trained": 12, "tested": 8}
    assert read_card(model) == card, "the folder is whole, and its card names the file"
    assert "12 pictures that it was trained on" in (model / MODEL_CARD).read_text()
    seen = read_seen(model, card.files)
    assert seen is not None
    asked = [np.asarray(head("glioma", seed)) for seed in (0, 60)]
    assert seen.uses_of(Pictures.of(asked)) == [Use.TRAINED, Use.TESTED]


def test_data_that_lacks_a_source_is_refused(model: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    picture(root / "glioma" / "a.png")
    before = (model / CARD).read_bytes()
    with pytest.raises(LayoutError, match=r"br35h, figshare too.*--more"):
        remember(model, read_dataset(root))
    assert (model / CARD).read_bytes() == before
    assert not (model / SEEN).exists()
