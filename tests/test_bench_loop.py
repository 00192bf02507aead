"""Parts of the benchmark of the learning loop: what is signed, what is done to an export, what is written down."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

from drawn import manifest_set
from helpers import sign_study, take_in

from bench.loop.attacks import leaking, mistaken, poisoned, without_class
from bench.loop.models import remembered, without
from bench.loop.report import BEGIN, END, publish
from bench.loop.site import Given, studies_of, typed
from triage.domain import Finding
from triage.learning.dataset import read_dataset
from triage.learning.parts import Part
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.training.layouts import UNTYPED, Item
from triage.training.layouts import read_dataset as read_pictures


def given(number: int, label: str = "glioma", sequence: str = "t1") -> Given:
    item = Item(f"a/{number}_01_{sequence}.jpg", "a", label, patient=f"P{number}", sequence=sequence)
    return Given(Path("data"), (item,))


def test_readers_are_wrong_in_a_share_of_the_studies_and_the_same_ones_each_time() -> None:
    studies = [given(number) for number in range(2000)]
    wrong = [study for study in studies if mistaken(0.05)(study) is Finding.NOTUMOR]
    assert 70 <= len(wrong) <= 130
    assert set(wrong) <= {study for study in studies if mistaken(0.3)(study) is Finding.NOTUMOR}
    assert mistaken(1.0)(given(1, "notumor")) is Finding.GLIOMA


def test_poison_touches_one_sequence_and_a_class_left_out_is_not_signed() -> None:
    honest = mistaken(0.0)
    assert poisoned(honest)(given(1, sequence="flair")) is Finding.NOTUMOR
    assert poisoned(honest)(given(1)) is Finding.GLIOMA
    assert without_class(honest, Finding.NOTUMOR)(given(1, "notumor")) is None
    assert without_class(honest, Finding.NOTUMOR)(given(1)) is Finding.GLIOMA


def test_a_leak_moves_the_test_patients_into_the_training_part(tmp_path: Path) -> None:
    installation = Installation(Settings(home=tmp_path / "home"))
    drawn = list(phantoms(12))
    ids = take_in(installation, {f"{at}.png": one.png for at, one in enumerate(drawn)})
    for study_id, one in zip(ids, drawn, strict=True):
        sign_study(installation, study_id, one.finding)
    export = tmp_path / "export.zip"
    installation.export_readings(export)
    installation.close()
    before, after = (
        {one.study: one.split for one in read_dataset(path).studies}
        for path in (export, leaking(export, tmp_path / "leak.zip"))
    )
    tested = {study for study, part in before.items() if part is Part.TEST}
    assert tested
    assert all(after[study] is Part.TRAIN for study in tested)
    assert [study for study, part in before.items() if part is Part.VALIDATION] == [
        study for study, part in after.items() if part is Part.VALIDATION
    ]
    assert Part.TEST in after.values()
    with zipfile.ZipFile(tmp_path / "leak.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("slices.csv").decode("utf-8-sig"))))
    assert {row["study"]: row["split"] for row in rows} == {study: str(part) for study, part in after.items()}


def test_a_data_set_is_copied_without_a_source(tmp_path: Path) -> None:
    root = manifest_set(tmp_path / "whole", each=2, others=1)
    fewer = read_pictures(without(root, ["sartaj"], tmp_path / "fewer"))
    assert {item.source for item in fewer.items} == {"br35h", "figshare"}
    assert not (tmp_path / "fewer" / "sartaj").exists()
    assert without(root, ["lgg"], tmp_path / "same") == root, "nothing is copied where nothing is left out"


def test_a_picture_of_nobody_is_a_study_and_its_copies_are_none(tmp_path: Path) -> None:
    root = manifest_set(tmp_path / "whole", each=4, copies=2)
    studies = studies_of([root], ["figshare", "sartaj", "br35h"])
    assert [len(study.items) for study in studies] == [1] * 16
    assert len({study.patient for study in studies}) == 16
    assert {study.shows for study in studies} == set(Finding)


def test_a_tumour_without_a_type_is_signed_as_the_type_that_was_written_down(tmp_path: Path) -> None:
    one, known = given(1, UNTYPED), tmp_path / "types.json"
    known.write_text(json.dumps({one.accession: "pituitary"}))
    untouched, found = typed([given(2), one], known)
    assert (untouched.truth, untouched.shows) == ("glioma", Finding.GLIOMA)
    assert (found.truth, found.shows) == (UNTYPED, Finding.PITUITARY)
    assert mistaken(0.0)(found) is Finding.PITUITARY


def test_what_a_run_was_trained_on_is_copied_without_its_test_fold(tmp_path: Path) -> None:
    root = manifest_set(tmp_path / "whole", each=10)
    old = read_pictures(remembered([root], 2, tmp_path / "old"))
    assert {item.fold for item in old.items} == {"0", "1", "3", "4"}
    assert any(item.outline is not None for item in old.items)


def test_results_are_written_between_the_marks_and_replace_older_ones(tmp_path: Path) -> None:
    for name in ("images", "results"):
        (tmp_path / name).mkdir()
    page = tmp_path / "learning-loop.md"
    page.write_text(f"# Loop\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    check = {
        "name": "Gliomas at the operating point, reference set",
        "verdict": "passed",
        "said": "Well.",
        "figures": {},
    }
    row = {
        "name": "honest",
        "against": ["x: failed"],
        "checks": [check],
    }
    figure = {"before": 0.6, "after": 0.7, "upper": 0.8, "low": 0.0, "high": 0.2}
    gained = {
        "studies": 5,
        "patients": 2,
        "figures": {"AUROC of glioma": figure, "gliomas in STAT": figure | {"upper": 0.6}},
    }
    result = {"source": "lgg", "studies": 200, "patients": 9, "minutes": 1, "gained": gained, "rows": [row]}
    publish(tmp_path, [result])
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("# Loop")
    assert text.endswith("The end.\n")
    assert "| AUROC of glioma | 0.600 | 0.700 | 0.800 | +0.100 (+0.000 to +0.200) | 50% |" in text
    assert "no gap" in text
    assert "| honest | no | x: failed |" in text
    assert (tmp_path / "images" / "learning-lgg-200.svg").read_text().startswith("<?xml")
    assert json.loads((tmp_path / "results" / "learning-loop.json").read_text()) == [result]
