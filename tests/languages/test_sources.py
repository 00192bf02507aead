"""Every text that a reader can meet is in the catalogue, and has a translation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.languages.catalogue import FOLDER, LANGUAGES, catalogue
from triage.languages.sources import messages, updated
from triage.settings import ROOT

OTHERS = [code for code in LANGUAGES if code != "en"]
#: What looks like text for a reader: a capitalised word, or two words.
PROSE = re.compile(r"[A-Z][a-z]|.*[A-Za-z]{2,},? [A-Za-z]{2,}", re.DOTALL)
#: Such texts of pages that are none, or that are the same in every language.
SAME = re.compile(
    r"(– )?NeuroTriage|English / Deutsch|Dice|Accept-Language|<.*|.*data-testid.*|button p,|"
    r"unnamed reader|take over|not analysable|export default .*|'></div>.*",
    re.DOTALL,
)
#: Arguments of widgets that no reader reads.
NO_TEXT = {"key", "icon", "format", "file_name", "hovertemplate"}
#: A text in a script, and whether `t` says it.
SCRIPTED = re.compile(r"""(\bt\(\s*)?(?:"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)""")
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
#: Such texts of scripts: selectors, styles, keys, acts, the names of methods.
SAME_IN_SCRIPTS = re.compile(
    r".*sans-serif.*|.*[\[\]:].*|linear-gradient.*|panel [a-z]+|label span|button, a.*|take over|other lesion|"
    r"not analysable|Content-Type|Escape|Enter|Tab|Delete|Backspace|(Arrow|Page|Alt|Esc|Home|End).*|Zoom ×|HiResCAM|"
    r"Grad-CAM.*|ScoreCAM|.*path=/.*|second read",
    re.DOTALL,
)


@pytest.mark.parametrize("code", OTHERS)
def test_the_catalogue_is_up_to_date(code: str) -> None:
    """If this fails: run `make languages`, then translate what has no `msgstr`."""
    assert (FOLDER / f"{code}.po").read_text() == updated(code)


@pytest.mark.parametrize("code", OTHERS)
def test_no_message_lacks_its_translation(code: str) -> None:
    known = catalogue(code).messages
    assert [message for message in messages() if message not in known] == []


def test_sentences_of_all_rooms_are_found() -> None:
    found = messages()
    for sentence in (
        "P(glioma) {glioma} ≥ {glioma2}, the operating point{of}",  # a reason, from values
        "Not MR: {modality}",  # why a series is set aside
        "Noise: neighbouring pixels are not correlated. Export the slice from the PACS as DICOM",  # with a constant
        "The comment has more than {max_comment} characters. Shorten it.",  # an error
        "Discarded by {actor} on {at}: {why}",  # of the record
        "wrong class",  # a term
        "Slices of the study. Press ? for the keys.",  # of HTML
        "{count} studies",  # of a script
    ):
        assert sentence in found, sentence


def test_pages_say_everything_through_the_catalogue() -> None:
    silent = [
        f"{path.relative_to(ROOT)}: {text}"
        for folder in ("pages", "triage/ui")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in said_aside(path)
    ]
    assert silent == []


def said_aside(path: Path) -> Iterator[str]:
    """Give the texts of a module that look as if a reader could read them, and are not said by `t` or `later`."""
    tree = ast.parse(path.read_text())
    passed: set[int] = set()
    for node in ast.walk(tree):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_said = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("t", "later")
        if is_docstring or is_said or (isinstance(node, ast.keyword) and node.arg in NO_TEXT):
            passed.update(id(one) for one in ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            text = node.value.strip()
            if PROSE.match(text) and not SAME.fullmatch(text):
                yield text


def test_templates_say_everything_through_the_catalogue() -> None:
    silent = []
    for path in sorted((ROOT / "triage/web/templates").glob("*.html")):
        plain = re.sub(r"\{[{%].*?[%}]\}", "", path.read_text())
        labels = re.findall(r'(?:alt|title|placeholder|aria-label)="([^"]+)"', plain)
        texts = [text.strip() for text in [*labels, *re.sub(r"<[^>]*>", "\n", plain).split("\n")]]
        silent += [f"{path.name}: {text}" for text in texts if re.search(r"\w", text) and not SAME.fullmatch(text)]
    assert silent == []


def test_scripts_say_everything_through_the_catalogue() -> None:
    silent = []
    for path in sorted((ROOT / "assets").rglob("*.js")):
        for said, plain, template in SCRIPTED.findall(COMMENT.sub("", path.read_text())):
            text = re.sub(r"\$\{.*\}", "", plain or template, flags=re.DOTALL).strip()
            if not said and PROSE.match(text) and not SAME_IN_SCRIPTS.fullmatch(text):
                silent.append(f"{path.relative_to(ROOT)}: {text}")
    assert silent == []
