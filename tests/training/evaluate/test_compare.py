from __future__ import annotations

import json
from pathlib import Path

import pytest
from drawn import manifest_set, small
from PIL import Image
from rich.console import Console

from triage.training.evaluate.compare import compare_splits, reductions
from triage.training.fit.recipe import adapted, load_recipe
from triage.training.layouts import read_dataset
from triage.training.release.publish import BEGIN, END, DocsError, publish

PAGE = f"# A page\n\nBefore.\n\n{BEGIN}\nyesterday\n{END}\n\nAfter.\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("recipes.md", "honest-evaluation.md"):
        (folder / name).write_text(PAGE)
    return folder


def test_every_split_is_a_row_in_results_and_pages(tmp_path: Path, docs: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data", each=10, copies=4))
    recipe = small("binary-cnn", epochs=1)
    for _ in range(2):  # the second time nothing is trained again, and no row is doubled
        compare_splits(load_recipe("binary-cnn"), recipe, dataset, tmp_path / "work", docs / "results", None, QUIET)
    rows = json.loads((docs / "results" / "binary-cnn-cnn.json").read_text())
    ways = ["random, augmented before the split", "random", "copies removed", "patient folds"]
    assert [row["way"] for row in rows] == ways
    assert rows[1]["pictures"]["test"] > rows[2]["pictures"]["test"]
    assert all("size 150 -> 32, epochs 100 -> 1" in row["reduced"] for row in rows)
    publish(docs)
    for name in ("recipes.md", "honest-evaluation.md"):
        text = (docs / name).read_text()
        assert text.startswith("# A page\n\nBefore.")
        assert text.endswith("After.\n")
        assert "yesterday" not in text
        assert all(way in text for way in ways)
        assert f"{rows[3]['figures']['accuracy']['value']:.3f}" in text
        publish(docs)
        assert (docs / name).read_text() == text
    with Image.open(docs / "results" / "honest.png") as picture:
        assert min(picture.size) > 300


def test_pages_without_results_say_so(docs: Path) -> None:
    publish(docs)
    assert "There are no results yet." in (docs / "honest-evaluation.md").read_text()
    assert "`detect-then-segment`" in (docs / "recipes.md").read_text()


def test_a_page_without_the_result_comments_is_refused(docs: Path) -> None:
    (docs / "recipes.md").write_text("# A page")
    with pytest.raises(DocsError, match=r"recipes\.md has no place"):
        publish(docs)


def test_a_full_run_is_not_called_reduced() -> None:
    recipe = load_recipe("lite0")
    assert reductions(recipe, recipe) == ""
    assert reductions(recipe, adapted(recipe, epochs=2, size=96)) == "size 224 -> 96, epochs 16 -> 2"
    assert reductions(load_recipe("transfer"), adapted(load_recipe("transfer"), steps=9)) == "steps 9"


QUIET = Console(quiet=True)
