"""Find every message in the sources, and keep the catalogues up to date with them: ``make languages``.

There are three kinds: what pages and routes say (`t`, `later`), what the scripts of the browser say (`t`), and the
sentences that the other rooms make in English, wherever a text of two words or more stands in them.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from triage.languages.catalogue import FOLDER, HOLE, LANGUAGES

ROOT = FOLDER.parents[1]
#: Where `t` and `later` are called.
SPEAKING = ("pages", "triage/ui", "triage/web", "triage/reports")
#: Rooms that make sentences in English, told again where they are shown.
MUTE = (
    "triage/access",
    "triage/copies",
    "triage/domain",
    "triage/errors.py",
    "triage/reading.py",
    "triage/worklist.py",
    "triage/inference",
    "triage/insights.py",
    "triage/learning",
    "triage/pipeline",
    "triage/records",
    "triage/reports",
    "triage/scans",
)
#: Modules of these rooms of whose texts no reader sees any: SQL, patterns, DICOM, files for other programs.
SILENT = (
    "triage/access/access.py",
    "triage/domain/__init__.py",
    "triage/inference/explain.py",
    "triage/learning/data_card.py",
    "triage/learning/discreet.py",
    "triage/learning/readme.py",
    "triage/pipeline/starts.py",
    "triage/pipeline/watch.py",
    "triage/records/audit.py",
    "triage/records/drift.py",
    "triage/records/indexes.py",
    "triage/records/migrations",
    "triage/records/ownership.py",
    "triage/records/schema.py",
    "triage/records/trail.py",
    "triage/reports/audit_event.py",
    "triage/reports/fhir.py",
    "triage/reports/page.py",
    "triage/reports/paper.py",
    "triage/reports/reader_seg.py",
    "triage/reports/reader_sr.py",
    "triage/reports/seg.py",
    "triage/reports/sr.py",
    "triage/scans/deidentify/profile.py",
    "triage/scans/formats/character_sets.py",
    "triage/scans/formats/lookup.py",
    "triage/scans/formats/origin.py",
)
#: Texts of other modules that no reader sees: names in DICOM, commands of SQL and a shell, errors of a programmer.
UNSEEN = re.compile(
    r"PRAGMA .*|SET jit .*|BEGIN .*|SELECT .*|SIEMENS .*|PALETTE .*|.*Image Storage|DejaVu Sans|"
    r"system volume information|"
    r"judge and file|An upload .* only after .*|An upload has no receipt .*|a study needs .*|the runs of a mask .*|"
    r"the kind .* points|The record takes datetimes .*|REPEATABLE READ|microseconds|"
    r".*read -r .*|first start|start of the server|command line|unnamed reader|.* rows of an earlier version|"
    r"other pixels than were described|as somebody unknown|"
    r"Rows of .* are sealed one by one\..*|A record on PostgreSQL needs a home .*|at a (change of|signature: ).*|"
    r"by the sign-in service: no role|one-time codes .*|roles of .*|PNG|JPEG|DICOM|NIFTI|ZIP|not stated|.*\.dcm|.*\.png"
)
#: Rooms and modules of whose texts single words are terms.
TERMS = ("triage/domain/", "triage/records/chain.py", "triage/access/roles.py")
LOGGING = ("debug", "info", "warning", "error", "exception", "critical")
#: How a value is written, behind the name of its hole.
FORMAT = re.compile(r"(?<=\w):[^{}]*(?=\})")
WORDS = re.compile(r"[^\W\d_]{2,}")

Found = dict[str, set[str]]


@cache  # all sources are read for it
def messages() -> Found:
    """Return every message with the files that it stands in, by path from the root of the repository."""
    found: Found = {}
    trees = {path: ast.parse(path.read_text()) for path in _files((*SPEAKING, *MUTE), "py")}
    constants = _constants(trees)
    for path, tree in trees.items():
        name = str(path.relative_to(ROOT))
        called = set(_called(tree))
        for message in called:
            found.setdefault(message, set()).add(name)
        if name.startswith(MUTE) and not name.startswith(SILENT):
            for message in set(_sentences(tree, constants, words=1 if name.startswith(TERMS) else 2)) - called:
                found.setdefault(message, set()).add(name)
    for path in _files(("triage/web/templates",), "html"):
        for _, _, said in extract_from_ast(Environment(autoescape=True).parse(path.read_text()), ["t"]):
            text = said[0] if isinstance(said, tuple) else said
            if text:
                found.setdefault(text, set()).add(str(path.relative_to(ROOT)))
    for path in (*_files(("assets",), "js"), *_files(("assets",), "html")):
        for message in _in_browser(path):
            found.setdefault(message, set()).add(str(path.relative_to(ROOT)))
    return found


def updated(code: str) -> str:
    """Return the catalogue of a language as it should be: every message, with the translation that it has."""
    path = FOLDER / f"{code}.po"
    known: dict[str, str] = {}
    if path.exists():
        with path.open("rb") as file:
            known = {str(one.id): str(one.string) for one in read_po(file, locale=code) if one.id}
    made = Catalog(locale=code)
    for message, names in sorted(messages().items()):
        made.add(message, known.get(message, ""), locations=[(name, 0) for name in sorted(names)]).flags.clear()
    text = io.BytesIO()
    write_po(text, made, width=110, omit_header=True, include_lineno=False)
    head = f'msgid ""\nmsgstr ""\n"Language: {code}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    return head + text.getvalue().decode()


def _files(places: tuple[str, ...], kind: str) -> list[Path]:
    found = {
        path for place in places for path in ([ROOT / place] if "." in place else (ROOT / place).rglob(f"*.{kind}"))
    }
    return sorted(found)


def _called(tree: ast.AST) -> Iterator[str]:
    """Give the literals that `t` and `later` are called with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("t", "later"):
            for one in node.args[:1]:
                branches = (one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,)
                yield from (str(ast.literal_eval(text)) for text in branches if isinstance(text, ast.Constant))


def _in_browser(path: Path) -> Iterator[str]:
    """Give the literals that a script calls `t` with, and the labels of a page of HTML."""
    if path.suffix == ".html":
        yield from re.findall(r'aria-label="([^"]+)"', path.read_text())
        return
    script = io.BytesIO(path.read_bytes())
    for _, _, said, _ in extract_javascript(script, {"t": None}, [], {"parse_template_string": True}):
        text = said if isinstance(said, str) else said[0]
        if text:
            yield text


def _constants(trees: Mapping[Path, ast.Module]) -> dict[str, str]:
    """Return the texts that are named in other texts, as ``{ONE_SLICE}``; names with two meanings are left out."""
    found: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
                if is_text and node.targets[0].id.isupper():
                    found.setdefault(node.targets[0].id, set()).add(ast.literal_eval(node.value))
    return {name: next(iter(texts)) for name, texts in found.items() if len(texts) == 1}


def _sentences(tree: ast.Module, constants: Mapping[str, str], words: int) -> Iterator[str]:
    """Give every text of so many words or more that a reader could meet."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # docstrings
            passed.add(id(node.value))
        elif isinstance(node, ast.Call) and _is_unseen(node.func):
            passed.update(id(one) for one in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        text = ""
        if isinstance(node, ast.JoinedStr):
            passed.update(id(one) for one in ast.walk(node) if isinstance(one, ast.Constant))
            text = _template(node, constants)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = FORMAT.sub("", node.value.replace("{}", "{value}"))
        found = [word for word in HOLE.sub(" ", text).split() if WORDS.search(word)]
        if len(found) >= words and not UNSEEN.fullmatch(text):
            yield text


def _is_unseen(function: ast.expr) -> bool:
    """Return whether a function takes texts that go to the log or to rows about accounts, or patterns."""
    if isinstance(function, ast.Name):
        return function.id == "note"
    if not isinstance(function, ast.Attribute):
        return False
    return function.attr in LOGGING or getattr(function.value, "id", "") == "re"


def _template(node: ast.JoinedStr, constants: Mapping[str, str]) -> str:
    """Return a text with a named hole for each value."""
    parts, names = [], list[str]()
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            name = _named(part.value)
            if name in constants:
                parts.append(constants[name])
                continue
            hole = name.lower().strip("_") or "value"
            names.append(hole)
            count = names.count(hole)
            parts.append(f"{{{hole}{count if count > 1 else ''}}}")
        else:
            parts.append(str(ast.literal_eval(part)))
    return "".join(parts)


def _named(value: ast.expr) -> str:
    """Return a name for the value of an expression, from the name that says most."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(args=[first, *_]):
            return _named(first)
        case ast.Call(func=func):
            return _named(func)
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(value=inner) | ast.BinOp(left=inner) | ast.IfExp(body=inner):
            return _named(inner)
        case ast.BoolOp(values=[first, *_]):
            return _named(first)
    return "value"


if __name__ == "__main__":
    for one in LANGUAGES:
        if one != "en":
            (FOLDER / f"{one}.po").write_text(updated(one))
