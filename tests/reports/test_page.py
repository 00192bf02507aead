"""The page of a report, read back from the PDF by Ghostscript and from the PNG by its pixels."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from marked_samples import length
from PIL import Image
from reports.report_samples import NOW, image, report

from triage import __version__
from triage.domain import Finding, Kind, ReadingState, Role, StudyStatus
from triage.records.marked import Measurement
from triage.reports.key_images import LeftOut
from triage.reports.page import report_page
from triage.reports.study_report import StudyReport, moment

FONTS = Path("/usr/share/fonts/truetype")


def text(report: StudyReport, folder: Path) -> tuple[str, int]:
    """Return the words of the PDF, and its number of pages."""
    tool = shutil.which("gs")
    if tool is None:
        pytest.skip("Ghostscript is not installed")
    path = folder / "report.pdf"
    path.write_bytes(report_page(report, "pdf"))
    read = subprocess.run([tool, "-q", "-sDEVICE=txtwrite", "-o", "%stdout%", path], capture_output=True, timeout=60)
    counted = [tool, "-q", "-dNODISPLAY", "-dNOSAFER", "-c", f"({path}) (r) file runpdfbegin pdfpagecount = quit"]
    pages = subprocess.run(counted, capture_output=True, timeout=60)
    return " ".join(read.stdout.decode("utf-8", "replace").split()), int(pages.stdout)


def test_one_page_says_whose_it_is_and_what_was_found(tmp_path: Path) -> None:
    said, pages = text(report(), tmp_path)
    assert pages == 1
    for words in (
        "Research use only: not for clinical decisions",
        "Müller, Ada",
        "MRN-7 (Clinic)",
        "May 4, 1970",
        "F, 54Y",
        "ACC-9",
        "Glioma, STAT: because",
        "Glioma 70.0%",
        "Not ruled out at 95 % coverage: Glioma, Meningioma",
        "Series 2, slice 3 of 20",
        "1 Length: 12.5 mm",
        "Glioma (final; confirm)",
        "Signed by Dr. A, Jan 10, 2026, 00:00 UTC",
        f"NeuroTriage {__version__}",
        "a" * 64,
    ):
        assert words in said, words


@pytest.mark.parametrize("held", [(), (Finding.GLIOMA,)])
def test_a_result_without_doubt_says_nothing_of_it_as_on_the_review_page(
    held: tuple[Finding, ...], tmp_path: Path
) -> None:
    full = report()
    sure = replace(full.study, results=(replace(full.study.results[0], prediction_set=held),))
    said, _ = text(replace(full, study=sure), tmp_path)
    assert "never saw" in said
    assert "Not ruled out" not in said
    assert "prediction set" not in said


def test_a_preliminary_reading_of_a_settled_study_says_that_it_was(tmp_path: Path) -> None:
    full = report()
    first = replace(full.study.readings[0], state=ReadingState.PRELIMINARY, reader="Dr. Berg")
    waiting = replace(full.study, readings=(first,), status=StudyStatus.SECOND_READ)
    said, _ = text(replace(full, study=waiting), tmp_path)
    assert "Glioma (preliminary; confirm)" in said
    assert "Brain MRI report, preliminary" in said
    second = replace(full.study.readings[0], role=Role.SECOND)
    said, _ = text(replace(full, study=replace(full.study, readings=(first, second))), tmp_path)
    assert "Glioma (was preliminary until another reader signed; confirm)" in said


def test_a_comment_of_many_lines_stands_in_its_lines_where_there_is_room(tmp_path: Path) -> None:
    full = report()
    lines = [f"Line {number}: nothing else." for number in range(1, 16)]
    reading = replace(full.study.readings[0], comment="\n".join(lines))
    said, pages = text(replace(full, study=replace(full.study, readings=(reading,))), tmp_path)
    assert pages == 1
    assert " ".join(lines) in said
    assert "whole in the record" not in said


def test_the_caption_of_a_key_image_is_whole(tmp_path: Path) -> None:
    place, author = "Series 2, slice 133 of 192 · axial t1_mprage_tra_p2_iso_ce after contrast", "Prof. Dr. Ada Wong"
    long = replace(image(), place=place, author=author, begun_by_ai=True)
    said, _ = text(replace(report(), images=(long,)), tmp_path)
    assert f"{place} · {author}, outline begun with the AI's 1 Length: 12.5 mm" in said
    assert f"Key image: {place}" in said
    theirs = replace(image(), kind="Outline", is_superseded=True)
    said, _ = text(replace(report(), images=(theirs,)), tmp_path)
    assert "Outline: Series 2, slice 3 of 20 · axial T1 · of the superseded reading of Dr. A" in said
    longer = replace(long, place="Series 2, slice 133 of 192 · axial " + "x" * 64, author="Dr. " + "y" * 76)
    said, _ = text(replace(report(), images=(longer,)), tmp_path)
    assert ", outline begun with the AI's 1 Length: 12.5 mm" in said


def test_whatever_is_in_the_record_stays_on_one_page(tmp_path: Path) -> None:
    full = report()
    reading = replace(full.study.readings[0], comment="Very long. " * 400, reader="Dr. " + "x" * 76)
    header = replace(full.study.header, patient_name="N" * 300, description="$\\frac{" * 80, mrn="<b>" * 40)
    study = replace(full.study, readings=(reading,) * 9, header=header)
    pictures = (replace(image(), measurements=image().measurements * 40),) * 4
    said, pages = text(replace(full, study=study, images=pictures), tmp_path)
    assert pages == 1
    assert "The latest 4 of 9 readings." in said
    assert "(whole in the record)" in said
    assert "not for clinical decisions" in said.split("Made")[1]


@pytest.mark.parametrize(
    ("one", "other", "folder"),
    [("山田^太郎", "鈴木^花子", "droid"), ("김^희중", "박^민준", "nanum"), ("Ива", "Сми", "")],
)
def test_names_of_any_script_are_drawn(one: str, other: str, folder: str) -> None:
    """Two names in boxes would be one picture."""
    if not (FONTS / folder).is_dir():
        pytest.skip(f"fonts-{folder} is not installed")
    full = replace(report(), images=(), signed=())
    headers = (replace(full.study.header, patient_name=name) for name in (one, other))
    first, second = (report_page(replace(full, study=replace(full.study, header=header)), "png") for header in headers)
    assert first != second


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    full = report()
    bare = replace(full.study, results=(), readings=(), header=replace(full.study.header, mrn="", patient_name="山田"))
    said, _ = text(replace(full, study=bare, images=(), signed=()), tmp_path)
    for words in (
        "Brain MRI, not read yet",
        "No AI result.",
        "Not read yet",
        "No slice was chosen",
        "not stated",
        "no model",
    ):
        assert words in said, words


def test_outline_and_measurements_are_drawn_on_the_image() -> None:
    plain = replace(image(), mask=None, measurements=())
    ellipse = length("f/0") | {"kind": "ellipse", "points": [[10, 10], [50, 40]], "values": {"mm2": 3}}
    measured = replace(plain, measurements=(Measurement.model_validate(ellipse | {"marker": f"{'f' * 64}/0"}),))

    def coloured(one: object) -> int:
        page = Image.open(io.BytesIO(report_page(replace(report(), images=(one,)), "png")))  # type: ignore[arg-type]
        assert page.size[0] == 1240
        pixels = np.asarray(page.convert("RGB")).astype(int)[400:1000]
        return int((np.ptp(pixels, axis=2) > 60).sum())

    nothing = coloured(plain)
    assert coloured(replace(plain, mask=image().mask)) > nothing + 300
    assert coloured(measured) > nothing + 300


def test_letters_say_where_the_patient_lies(tmp_path: Path) -> None:
    oblique = replace(image(), edges=("RH", "LF", "AH", "PF"), measurements=())
    said, _ = text(replace(report(), images=(oblique,)), tmp_path)
    assert said.index("AH") < said.index("RH") < said.index("LF") < said.index("PF")
    said, _ = text(replace(report(), images=(replace(oblique, edges=None),)), tmp_path)
    assert "AH" not in said


def test_measurements_have_the_numbers_that_stand_on_the_picture(tmp_path: Path) -> None:
    line = length(f"{'f' * 64}/0")
    shapes = {
        "angle": ([[10, 10], [30, 10], [30, 40]], {"degrees": 34.0}),
        "ellipse": ([[10, 10], [50, 40]], {"mm2": 3.0}),
        "probe": ([[96, 40]], {"value": 81.0}),
    }
    others = [line | {"kind": kind, "points": points, "values": values} for kind, (points, values) in shapes.items()]
    found = tuple(Measurement.model_validate(one) for one in (line, *others))
    said, _ = text(replace(report(), images=(replace(image(), measurements=found),)), tmp_path)
    assert "1 Length: 12.5 mm; 2 Angle: 34°; 3 Ellipse: 3 mm²; 4 Probe: 81" in said
    picture = said.split("Key images")[1].split("Series 2")[0].split()
    assert {"1", "2", "3", "4"} <= set(picture)


def ellipse(name: str) -> Measurement:
    """An ellipse with all of its numbers."""
    values = {"mean": 1429.0, "sd": 678.7, "min": 256.0, "max": 2832.0, "mm2": 1098.0}
    return Measurement.model_validate(
        length(f"{'f' * 64}/0", name=name) | {"kind": "ellipse", "points": [[10, 10], [50, 40]], "values": values}
    )


ELLIPSE = "Ellipse: mean 1429, SD 678.7, 256 to 2832, 1098 mm²"


def test_many_measurements_are_all_on_the_page(tmp_path: Path) -> None:
    line = Measurement.model_validate(length(f"{'f' * 64}/0"))
    many = tuple(line if number % 2 else ellipse(f"a{number}") for number in range(12))
    long = replace(image(), measurements=many, author="Dr. Ada Example", begun_by_ai=True, is_superseded=True)
    full = report()
    readings = (replace(full.study.readings[0], comment="Ring enhancing mass. " * 9),) * 4
    full = replace(full, study=replace(full.study, readings=readings))
    single, _ = text(replace(full, images=(long,)), tmp_path)
    for number in range(1, 13):
        assert f"{number} {'Length: 12.5 mm' if number % 2 == 0 else ELLIPSE}" in single, number
    said, pages = text(replace(full, images=(image(), image(), image(), long)), tmp_path)
    assert pages == 1
    assert said.count("678.7") == 6
    assert said.count("Length: 12.5 mm") == 9
    assert "…" not in said.split("Key images")[1].split("Readings")[0]


def test_measurements_on_slices_without_a_picture_are_on_the_page(tmp_path: Path) -> None:
    left = LeftOut("Series 2, slice 9 of 20 · axial T1", (ellipse("a1"),))
    said, _ = text(replace(report(), left_out=(left,)), tmp_path)
    assert f"Measured on slices without a picture: {left.place}: {ELLIPSE}" in said


def test_outlined_slices_without_a_picture_are_counted(tmp_path: Path) -> None:
    one, key = LeftOut("Series 2, slice 9 of 20", is_outlined=True), LeftOut("Series 2, slice 4 of 20", is_key=True)
    full = report()
    said, _ = text(replace(full, left_out=(one,)), tmp_path)
    assert "1 more outlined slice is in the record." in said
    said, _ = text(replace(full, left_out=(one, one, key)), tmp_path)
    assert "2 more outlined slices are in the record. Key images without a picture: Series 2, slice 4 of 20." in said
    (files,) = full.study.series
    files = replace(files, instances=tuple(replace(item, kind=Kind.DICOM) for item in files.instances))
    full = replace(full, study=replace(full.study, series=(files,)))
    said, _ = text(replace(full, left_out=(one,)), tmp_path)
    assert "1 more outlined slice is in the DICOM SEG." in said
    said, _ = text(replace(full, left_out=(one, one)), tmp_path)
    assert "2 more outlined slices are in the DICOM SEG." in said


def test_what_has_no_room_is_counted(tmp_path: Path) -> None:
    many = tuple(ellipse(f"a{number}") for number in range(120))
    said, pages = text(replace(report(), images=(replace(image(), measurements=many),) * 4), tmp_path)
    assert pages == 1
    shown = said.count("SD 678.7")
    counted = [int(found) for found in re.findall(r"(\d+) more: in FHIR and DICOM SR", said)]
    assert shown > 40
    assert shown + sum(counted) == 480


@pytest.mark.parametrize("state", list(ReadingState))
def test_every_state_and_finding_has_words(state: ReadingState) -> None:
    full = report()
    readings = tuple(replace(full.study.readings[0], state=state, finding=finding) for finding in Finding)
    assert report_page(replace(full, study=replace(full.study, readings=readings)), "png").startswith(b"\x89PNG")


def test_a_time_is_local_and_universal(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert moment(NOW + timedelta(hours=12)) == "2026-01-10 13:00 CET (12:00 UTC)"
        assert moment(NOW + timedelta(hours=23, minutes=30)) == "2026-01-11 00:30 CET (2026-01-10 23:30 UTC)"
    finally:
        monkeypatch.undo()
        time.tzset()
