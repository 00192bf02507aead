"""The documentation agrees with the code: settings, commands, options, paths and links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from triage.cli import app
from triage.pipeline.serving import MODELS
from triage.settings import ROOT, Settings

DOCUMENTS = sorted(path for pattern in ("*.md", "docs/**/*.md", "models/**/*.md") for path in ROOT.glob(pattern))
#: The change log also names what is gone.
OF_TODAY = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
#: The options of each command of `python -m triage`.
COMMANDS = {
    name: {
        option
        for one in (command, *getattr(command, "commands", {}).values())
        for parameter in one.params
        for option in parameter.opts
    }
    | {"--help"}
    for name, command in typer.main.get_command(app).commands.items()
}
TARGETS = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
#: A path from the root of the project, without placeholders.
PATH = re.compile(r"(?<![\w./<-])(?:triage|tests|pages|bench|assets|docs)/[\w./-]*\w")

#: Sections of docs/operations.md: what a home folder holds, and what of it is saved.
LIE, SAVE = "Where the data lie", "Save and bring back"
#: Written by the tests; not in a clean clone.
WRITTEN = {"tests/artefacts"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(text: str) -> tuple[list[str], str]:
    """Code blocks, fenced or indented by four spaces after an empty line, and the running text without them."""
    blocks: list[list[str]] = []
    running: list[str] = []
    fenced = indented = False
    for line in text.splitlines():
        empty_before = not running or not running[-1].strip()
        if line.startswith("```"):
            fenced, indented = not fenced, False
            if fenced:
                blocks.append([])
        elif fenced or (line.startswith("    ") and (indented or empty_before)):
            if not (fenced or indented):
                blocks.append([])
                indented = True
            blocks[-1].append(line if fenced else line[4:])
        elif not indented or line.strip():
            running.append(line)
            indented = False
    return ["\n".join(block) for block in blocks], "\n".join(running)


def spans(text: str) -> list[str]:
    """Code inside running text; a span may run over the end of a line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", read(text)[1])]


def commands(text: str) -> Iterator[str]:
    """What a reader may type: lines of blocks, continuations joined, and spans. Comments count: they name options."""
    for block in read(text)[0]:
        yield from block.replace("\\\n", " ").splitlines()
    yield from spans(text)


@pytest.fixture(params=OF_TODAY, ids=name_of)
def text(request: pytest.FixtureRequest) -> str:
    return request.param.read_text()


def test_blocks_and_spans_are_found() -> None:
    indented = "    python -m triage score A \\\n      --json B   # writes B\n\n    make lint\n"
    text = f"Type `make\nrun`:\n\n{indented}\nor\n\n```\nmake test\n```\nand `make bench`.\n"
    assert [" ".join(command.split()) for command in commands(text) if command] == [
        "python -m triage score A --json B # writes B",
        "make lint",
        "make test",
        "make run",
        "make bench",
    ]


def test_every_setting_stands_in_the_readme() -> None:
    table = re.findall(r"^\| (`TRIAGE_.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    documented = {name for row in table for name in re.findall(r"`TRIAGE_(\w+)`", row)}
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_variable_named_in_the_documents_is_read_somewhere(text: str) -> None:
    of_tests = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r'"(TRIAGE_\w+)"', path.read_text())
    }
    known = of_tests | {f"TRIAGE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bTRIAGE_[A-Z_]+\b", text)) <= known


def test_every_command_of_the_documents_exists(text: str) -> None:
    for line in commands(text):
        for name, arguments in re.findall(r"python -m triage ([a-z][\w-]*)((?:(?!python -m).)*)", line):
            assert name in COMMANDS, line
            assert set(OPTION.findall(arguments)) <= COMMANDS[name], line
        for module in re.findall(r"python -m ([\w.]+)", line):
            assert find_spec(module), line
        for target in re.findall(r"(?:^|[\s(])make ([a-z][\w-]*)", line):
            assert target in TARGETS, line


def test_every_option_in_running_text_exists(text: str) -> None:
    """Such as `train --volumes` and `--split official`, where the command is clear from the text."""
    every = set().union(*COMMANDS.values())
    for span in spans(text):
        command = span.split()[0]
        if command in COMMANDS:
            assert set(OPTION.findall(span)) <= COMMANDS[command], span
        elif command.startswith("--"):
            assert command.split("=")[0] in every, span


def test_every_path_in_the_documents_exists(text: str) -> None:
    for code in commands(text):
        for path in PATH.findall(code):
            assert path in WRITTEN or (ROOT / path).exists(), path


def test_the_backup_holds_what_a_home_folder_holds() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    lie, save = (text.partition(f"## {heading}\n")[2].partition("\n## ")[0] for heading in (LIE, SAVE))
    held = re.findall(r"^\| `([^`]+)` \|", lie, re.MULTILINE)
    made = {
        one for path in (ROOT / "triage").rglob("*.py") for one in re.findall(r'home / "([\w./-]+)"', path.read_text())
    }
    named = {one.rstrip("/") for one in held} | {"keys"}
    assert {one.rstrip("/") for one in (*made, MODELS)} <= named, "every folder that the code makes is in the table"
    assert [one for one in held if one.removesuffix("record.key") not in save] == [], "saved, or said not to be"
    assert {"anchors", "triage.db", "files", MODELS} <= set(re.findall(r"backup/([\w.]+)", save))
    back = save.partition("To bring back")[2]
    assert [one for one in ("triage.db", "files", MODELS, "anchors", "keys") if f"`{one}" not in back] == []


def test_the_change_log_begins_with_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    headings = headings[headings[0] == "[Unreleased]" :]
    assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[0])
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings)


def test_every_relative_link_resolves() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if not re.match(r"[a-z]+:", target):
                file, _, heading = target.partition("#")
                linked = document.parent / file if file else document
                assert linked.exists(), f"{name_of(document)}: {target}"
                assert not heading or heading in headings(linked.read_text()), f"{name_of(document)}: {target}"


def headings(text: str) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def tree() -> list[str]:
    """Paths of the tree in architecture.md: names before two spaces, folders by indentation."""
    lines = read(ARCHITECTURE.read_text())[0][0].splitlines()
    paths, parents = [], []
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r"\s{2,}", line.strip())[0].split(", ")
        parents = [*parents[:depth], names[0]]
        paths += ["".join([*parents[:-1], name]) for name in names]
    return paths


def test_the_tree_of_the_architecture_is_that_of_the_project() -> None:
    paths = tree()
    assert [path for path in paths if not (ROOT / path).exists()] == []
    rooms = [
        name_of(room) + ("/" if room.is_dir() else "")
        for parent in ("triage", "triage/scans", "triage/training", "pages")
        for room in sorted((ROOT / parent).iterdir())
        if not room.name.startswith("__")
    ]
    assert [room for room in rooms if room not in paths] == []
