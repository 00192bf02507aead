"""The table of faults: printed at the end, and written with ``--robustness FILE``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.tally import PROCESSES, Table

from triage.pipeline.installation import Installation
from triage.scans.isolation.door import Door
from triage.settings import Settings

TABLE = pytest.StashKey[Table]()
#: Files with flipped bytes in a run of all tests; `make faults` tries far more.
FLIPS = 5_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--robustness", type=Path, help="write the table of faults to this file")
    parser.addoption("--flips", type=int, default=FLIPS, help="how many files with flipped bytes are tried")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash[TABLE]
    if not table.rows:
        return
    terminalreporter.section("faults")
    for row in table.rows:
        terminalreporter.line(row.line())
    target = config.getoption("--robustness", default=None)
    if target:
        target.write_text(str(table))


@pytest.fixture(scope="session", autouse=True)
def from_here_on() -> None:
    PROCESSES.begin()


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    return request.config.stash[TABLE]


@pytest.fixture
def flips(request: pytest.FixtureRequest) -> int:
    return request.config.getoption("--flips", default=FLIPS)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with Door(processes=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all faults, as they would come; what closed pipelines leave behind is not the product's."""
    installation = Installation(Settings(home=tmp_path_factory.mktemp("faults") / "home"))
    yield installation
    installation.close()
