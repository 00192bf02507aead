"""The table of attempts: written with ``--attacks FILE`` between two marks of that file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from attack.world import World, filled, serving

BEGIN, END = "<!-- attempts: written by make attack -->\n", "<!-- end of attempts -->"
#: By module and attempt: how often it was tried, and how often it held.
Table = dict[tuple[str, str], list[int]]
TABLE = pytest.StashKey[Table]()
FOLDER = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--attacks", type=Path, help="write the table of attempts into this file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    said = getattr(item.function, "__doc__", None)
    if said and (report.when == "call" or report.failed) and item.path.is_relative_to(FOLDER):
        group = (item.module.__doc__ or "").strip().splitlines()[0].rstrip(".")
        row = item.config.stash[TABLE].setdefault((group, " ".join(said.split())), [0, 0])
        row[0] += report.when == "call"
        row[1] += report.when == "call" and report.passed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash[TABLE]
    target: Path | None = config.getoption("--attacks", default=None)
    if not table or target is None:
        return
    before, _, rest = target.read_text().partition(BEGIN)
    target.write_text(before + BEGIN + written(table) + END + rest.partition(END)[2])
    terminalreporter.line(f"{len(table)} attempts written to {target}")


def written(table: Table) -> str:
    """Return the table in Markdown, a part for each module."""
    tried, held = (sum(row[column] for row in table.values()) for column in (0, 1))
    lines = [f"\n{len(table)} attempts, {tried} requests or changes of a kind tried, {held} held.\n"]
    for group in dict.fromkeys(group for group, _ in table):
        lines += [f"\n### {group}\n", "| tried | must hold | tried | held |", "|---|---|---|---|"]
        for (of, said), (count, kept) in table.items():
            if of == group:
                attempt, _, must = said.partition(" -> ")
                lines.append(f"| {attempt} | {must} | {count} | {kept} |")
    return "\n".join(lines) + "\n\n"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all attempts."""
    home = tmp_path_factory.mktemp("attacked") / "home"
    studies, uid, tokens = filled(home)
    with serving(home) as base:
        yield World(base, home, studies, uid, tokens)


@pytest.fixture(scope="module")
def blind(world: World) -> Iterator[World]:
    """The same record where nobody sees the AI result before committing a class."""
    with serving(world.home, TRIAGE_BLIND_FIRST_READ="true") as base:
        yield World(base, world.home, world.studies, world.uid, world.tokens)
