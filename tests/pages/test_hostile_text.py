"""Text of a file or of a person never reaches the pages as Markdown or HTML: every page is driven with hostile text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dicoms import file_of, head, mr
from google.protobuf.json_format import MessageToDict
from helpers import encode, sign_study, take_in
from pydicom.uid import generate_uid
from streamlit.testing.v1 import AppTest

from triage.domain import Finding
from triage.pipeline.installation import Installation
from triage.settings import ROOT
from triage.text import markdown
from triage.ui import state

#: A tag, an image, a directive and an icon.
HOSTILE = "![i](//h.invalid)<img src=x>:red[r]:material/bug:"
#: As a file name, of which only what follows the last slash is shown.
HOSTILE_NAME = "![i](h.invalid)<img src=x>:red[r].png"
#: What must not be found in Markdown, where a backslash escapes (but not an icon), and in HTML.
IN_MARKDOWN = re.compile(r"(?<!\\)(!\[|\]\(|<img|:red\[r\])|:material/bug")
IN_HTML = re.compile("<img")
#: Elements whose text is shown as plain text (tables, `st.text`, the contents of input fields) or not at all (the data
#: of our components).
PLAIN = {"arrow_data_frame", "text", "text_input", "text_area", "bidi_component"}


@pytest.fixture
def installation(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation whose model card holds hostile text as well."""
    card = installation.runtime.card
    test = card.metrics["test"] | {"on": HOSTILE}
    changed = {
        "name": HOSTILE,
        "architecture": HOSTILE,
        "created": HOSTILE,
        "training": card.training | {"summary": HOSTILE, "limits": [HOSTILE]},
        "metrics": card.metrics | {"test": test, "operating_points": {"glioma": HOSTILE, "tumour": HOSTILE}},
    }
    monkeypatch.setattr(installation.runtime, "card", card.model_copy(update=changed))
    return installation


def test_no_page_shows_hostile_text_as_markdown(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.IGNORE)
    study_id = take_in(installation, _study())[0]
    (other,) = take_in(installation, {"other.dcm": file_of(mr(head(), Modality=HOSTILE))})

    review = _page(state.REVIEW, study=study_id)
    shown = _read(review)
    for text in ("MRN", "Accession", "Set aside", "two series", "P(", "model"):
        assert text in shown, f"the page does not show {text}, which holds text of the files"
    predicted = installation.store.study(study_id).result.predicted  # type: ignore[union-attr]
    other_class = next(finding for finding in Finding if finding is not predicted)
    sign_study(installation, study_id, other_class, reader=HOSTILE, comment=f"two lines\n{HOSTILE}")
    assert _read(_page(state.REVIEW, study=study_id)).count("invalid") > shown.count("invalid")
    assert "Not MR" in _read(_page(state.REVIEW, study=other))
    assert "has not signed" in _read(_page(state.READINGS, reader=f"Other {HOSTILE}"))
    assert "Known limits" in _read(_page(state.MODELS))
    for path in (state.WORKLIST, state.READINGS):
        _read(_page(path))
    _read(_page(state.REVIEW, study=HOSTILE))


def test_the_answers_to_an_upload_are_plain_text(installation: Installation) -> None:
    app = _page(state.UPLOAD)
    app.file_uploader[0].set_value([(HOSTILE_NAME, encode(head()), "image/png"), (HOSTILE_NAME, b"text", "image/png")])
    app.button[0].click().run()
    installation.uploads.close()
    assert installation.wait(installation.store.results.pending(), timeout=120) == []
    app.run()
    assert not app.exception
    assert sum(markdown(HOSTILE_NAME) in text.value for text in app.markdown) == 2
    _read(app)


def _study() -> dict[str, bytes]:
    """A study of two series, one of which is set aside; every text that reaches a page is hostile."""
    common: dict[str, Any] = {
        "StudyInstanceUID": generate_uid(),
        "PatientName": HOSTILE,
        "PatientID": HOSTILE,
        "PatientSex": HOSTILE[:16],
        "PatientAge": HOSTILE[:16],
        "AccessionNumber": HOSTILE,
        "StudyDescription": f"two series {HOSTILE}",
        "SeriesDescription": HOSTILE,
        "Manufacturer": HOSTILE,
        "ManufacturerModelName": HOSTILE,
    }
    scored = [
        mr(head(number), number=number + 1, **common, SeriesInstanceUID=f"2.25.{number // 2}") for number in range(4)
    ]
    aside = mr(head(9), **common, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    return {f"{number}.dcm": file_of(dataset) for number, dataset in enumerate([*scored, aside])}


def _page(path: Path, reader: str = HOSTILE, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "triage" / "ui" / "main.py"), default_timeout=120)
    app.session_state["reader"] = reader
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if path != state.WORKLIST:
        app.switch_page(str(path)).run()
    assert not app.exception, app.exception
    return app


def _read(app: AppTest) -> str:
    """Return all text of a page, after a look for hostile text in everything that is not shown as plain text."""
    texts = []
    for node in app._tree:
        if getattr(node, "proto", None) is None or node.type in PLAIN:
            continue
        for text in _strings(MessageToDict(node.proto)):
            assert not (IN_HTML if node.type == "html" else IN_MARKDOWN).search(text), f"{node.type} shows {text!r}"
            texts.append(text)
    return "\n".join(texts)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
