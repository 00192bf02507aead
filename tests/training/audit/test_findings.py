"""What follows from the copies that an audit finds."""

from __future__ import annotations

import json
from pathlib import Path

from drawn import draw_head, save_picture

from triage.training.audit import audit


def test_json_has_what_was_promised(folder: Path) -> None:
    found = json.loads(json.dumps(audit(folder, against=folder).as_json()))
    assert set(found) == {"images", "clusters", "pairs", "against", "skipped"}
    assert {frozenset(pair) for pair in found["pairs"]} == {frozenset({"a", "b", "similarity", "same_label"})}
    assert {frozenset(match) for match in found["against"]} == {frozenset({"path", "match", "similarity"})}


def test_names_contradictions_and_leaks(folder: Path) -> None:
    found = audit(folder)
    assert [pair.second.name for pair in found.conflicts] == ["Training/no_tumor/relabelled.jpg"]
    assert [pair.first.name for pair in found.leaks] == ["Testing/glioma/mirror.jpg"]
    assert [pair.same_label for pair in found.pairs].count(False) == 1


def test_an_untyped_tumour_does_not_contradict_a_glioma(tmp_path: Path) -> None:
    for path in ("glioma/a.png", "tumor/b.png", "no_tumor/c.png"):
        save_picture(draw_head(1), tmp_path / path)
    found = audit(tmp_path)
    assert {(pair.first.label, pair.second.label) for pair in found.conflicts} == {
        ("glioma", "notumor"),
        ("notumor", "tumor"),
    }
    assert not any(pair.same_label for pair in found.pairs)


def test_patients_in_two_splits(tmp_path: Path) -> None:
    rows = ["path,dataset,label,cluster,fold"]
    for seed, fold in enumerate(("0", "1", "guard")):
        save_picture(draw_head(0), tmp_path / f"{seed}.png")
        rows.append(f"{seed}.png,drawn,glioma,{seed},{fold}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    found = audit(tmp_path)
    assert [(pair.first.name, pair.second.name) for pair in found.leaks] == [("0.png", "1.png")]
    assert len(found.pairs) == 3


def test_a_source_with_one_kind_of_label_is_named(tmp_path: Path) -> None:
    rows = ["path,dataset,label,cluster,fold"]
    for number, (source, label) in enumerate(
        (("hospital", "glioma"), ("web", "notumor"), ("mixed", "glioma"), ("mixed", "notumor"))
    ):
        save_picture(draw_head(number), tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{source},{label},{number},0")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    assert [sentence.partition(":")[0] for sentence in audit(tmp_path).shortcuts] == [
        "Every picture of hospital shows a tumour",
        "No picture of web shows a tumour",
    ]
