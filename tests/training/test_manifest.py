from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.training.manifest import UNTYPED, Example, in_folds, read_manifest, typed


def test_the_target_of_an_untyped_tumour_allows_the_three_tumours() -> None:
    assert Example("a", "br35h", UNTYPED, 1, "0").target.tolist() == [1, 1, 1, 0]
    assert Example("a", "figshare", "pituitary", 1, "0").target.tolist() == [0, 0, 1, 0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        "path,dataset,label,cluster,fold",
        "sartaj/a.jpg,sartaj,meningioma,1,0",
        "figshare/images/1.jpg,figshare,meningioma,1,0",
        "figshare/images/2.jpg,figshare,glioma,2,guard",
        "br35h/y1.jpg,br35h,tumor,3,1",
        "sartaj/b.jpg,sartaj,pituitary,4,1",
        "navoneel/Y1.jpg,navoneel,tumor,4,1",
        "sartaj/c.jpg,sartaj,pituitary,5,2",
        "sartaj/d.jpg,sartaj,meningioma,5,2",
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    (tmp_path / "figshare").mkdir()
    (tmp_path / "figshare" / "borders.json").write_text('{"1": [[1, 2], [3, 4]]}')
    return tmp_path


def test_one_image_a_cluster_without_guards_and_conflicts(folder: Path) -> None:
    examples = {example.cluster: example for example in read_manifest(folder)}
    assert set(examples) == {1, 3, 4}
    assert examples[1].path == "figshare/images/1.jpg"
    np.testing.assert_array_equal(examples[1].outline, [[1, 2], [3, 4]])
    assert examples[4].label == "pituitary"  # a typed copy tells the type
    assert [example.cluster for example in typed(examples.values())] == [1, 4]
    assert [example.cluster for example in in_folds(examples.values(), [1])] == [3, 4]


@pytest.mark.data
def test_no_cluster_of_the_real_data_spans_two_folds(data_folder: Path) -> None:
    examples = read_manifest(data_folder)
    assert len(examples) == len({example.cluster for example in examples}) > 3500
    assert {example.fold for example in examples} == set("01234")
    assert sum(example.outline is not None for example in examples) > 2500
