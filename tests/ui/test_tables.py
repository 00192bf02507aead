from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd

from triage.domain import Band, StudyStatus
from triage.inference.card_facts import Figure
from triage.languages.speech import speaking
from triage.records.worklist_views import WorklistRow
from triage.ui.tables import IN_SIGHT, NONE, metrics, reading_columns, readings, row_height, worklist


def test_patients_are_named_as_people_write_them() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    name = "Yamada^Taro^^Dr.=山田^太郎"
    row = WorklistRow("a", "Head", StudyStatus.RECEIVED, Band.ROUTINE, None, None, now, "because", patient_name=name)
    assert list(worklist([row], now).data["patient_name"]) == ["Yamada, Dr. Taro (山田 太郎)"]


def test_a_text_of_a_file_is_no_formula_in_the_csv_that_the_table_offers() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    formula = '=HYPERLINK("h")'
    row = WorklistRow("a", formula, StudyStatus.RECEIVED, Band.ROUTINE, None, None, now, "because", mrn=formula)
    shown = worklist([replace(row, patient_name=formula, accession_number=formula)], now).data.iloc[0]
    # The sign of equality parts the spellings of a name.
    assert {shown[name] for name in ("mrn", "accession", "description")} == {f"'{formula}"}
    assert not shown["patient_name"].startswith(("=", "+", "-", "@"))


def test_figures_of_a_card_have_the_names_that_readers_know() -> None:
    value = Figure(value=0.9, low=0.8, high=1.0)
    names = ("accuracy", "f1_notumor", "sensitivity_at_95_specificity_glioma", "recall_pituitary")
    table = metrics(dict.fromkeys((*names, "dice", "dice_glioma", "map_peak_inside_outline"), value))
    assert list(table["Metric"]) == [
        "Accuracy",
        "F1, no tumour",
        "Sensitivity (95 % spec.), glioma",
        "Recall, pituitary tumour",
        "Dice",
        "Dice, glioma",
        "Heat map peak inside the outline",
    ]
    assert set(table["95 % interval"]) == {"0.800 to 1.000"}
    unknown = metrics({"accuracy": Figure(value=None, low=None, high=None)})
    assert unknown.iloc[0].tolist() == ["Accuracy", NONE, NONE]
    with speaking("de"):
        german = list(metrics(dict.fromkeys(names, value)).iloc[:, 0])
    assert german == [
        "Genauigkeit",
        "F1, kein Tumor",
        "Sensitivität (95 % Spez.), Gliom",
        "Sensitivität, Hypophysentumor",
    ]


def test_state_and_comment_of_a_reading_are_in_sight_on_a_small_screen() -> None:
    columns = reading_columns("UTC")
    names = list(readings([]))
    assert set(columns) == set(names), "every column has a width"
    assert names.index("state") < names.index("comment")
    assert columns["signed_at"]["type_config"]["format"].endswith(" z"), "the zone beside the time"
    room = 1366 - 232 - 2 * 32 - 15  # the window without sidebar, margins and scrollbar
    assert sum(columns[name]["width"] for name in IN_SIGHT) <= room, "no column is cut, or behind the edge"
    assert {"state", "comment"} < set(IN_SIGHT) < set(names)


def test_rows_are_as_high_as_their_longest_text_needs() -> None:
    columns = reading_columns("UTC")
    table = pd.DataFrame({"label": ["Glioma"], "comment": ["seen"], "signed_at": [datetime(2026, 1, 1, tzinfo=UTC)]})
    assert row_height(table, columns) is None, "as usual"
    table["label"] = ["Other lesion: cavernoma of the left temporal lobe"]
    assert row_height(table, columns) == 96, "four lines"
    table["label"] = ["Other lesion: lipoma"]
    assert row_height(table, columns) == 66, "two lines, which lower rows would not have"
    table["label"], table["accession"] = ["Glioma"], ["A" * 16]
    assert row_height(table, columns) is None, "the longest accession number has room on a line"
    table["comment"] = ["word " * 1000]
    assert row_height(table, columns) == 96, "no more: it is on the page of the study"
