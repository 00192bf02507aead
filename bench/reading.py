"""What a reader waits for, in a real browser: alone, among others, and both in the version before the viewer.

It takes about ten minutes, and writes its figures into ``docs/reading-room.md``.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

from bench.crowd import LAYERS, PERIOD, crowd
from bench.reader import REPEAT, EarlierReader, Reader, heat_map
from bench.version import EVERY, LARGE, SIDE, Version, earlier, write_studies
from triage.settings import ROOT

#: The last commit before the viewer in the browser.
BEFORE = "1ad70e0"
PORT = 8698
CHROMIUM = "/usr/bin/chromium"
#: Readers at once; studies that each part reads, and those that only the others look at.
READERS, ROUNDS, OTHERS = 20, 6, 4
#: Seconds after which all of the others are at work.
ARRIVED = 35
#: Notches of a wheel that is turned fast, and milliseconds between two.
NOTCHES, NOTCH = 100, 50
METHODS = {"grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++", "score_cam": "ScoreCAM"}
MAPS = 4
DOCS = ROOT / "docs" / "reading-room.md"
BEGIN, END = "<!-- figures of `python -m bench reading` -->", "<!-- end of the figures -->"
#: What is measured, in the order of the table, with the target.
ROWS = {
    "address to first picture, server and browser just started": "",
    "the same later": "",
    "row of the worklist to first picture": "1.0 s",
    f"the same, {LARGE} slices, not decoded before": "1.0 s",
    "next study to first picture": "0.7 s",
    "sign": "0.4 s",
    "filter the worklist": "0.5 s",
    "key to next slice": "16 ms",
    **{f"{name}, {when}": "2 s" * (when == "later") for name in METHODS.values() for when in ("first", "later")},
    "DICOM reports": "3 s",
}

Figures = dict[str, list[float]]


def measure() -> list[str]:
    """Return a Markdown table of what a reader waits for, and write it into the documentation."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        write_studies(folder / "studies", 2, 2 * ROUNDS + OTHERS)
        old = stack.enter_context(earlier(BEFORE, folder / "earlier"))
        playwright = stack.enter_context(sync_playwright())
        now = _version(playwright, Version(ROOT, folder / "now"), folder / "studies", Reader, notes)
        before: tuple[Figures, Figures] = ({}, {})
        if old is None:
            notes.append(f"The version before is not measured: the commit {BEFORE} is not in the history here.")
        else:
            before = _version(playwright, Version(old, folder / "before"), folder / "studies", EarlierReader, notes)
    minutes = (time.perf_counter() - began) / 60
    lines = [*_table(now, before), "", *_explained(), *notes, ""]
    lines.append(
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in {minutes:.0f} minutes on {os.cpu_count()} cores, which server, "
        f"browser and the other readers share; load of the machine before: {load:.1f}."
    )
    _into_docs(lines)
    return lines


def _version(
    playwright: Any, version: Version, studies: Path, kind: type[Reader], notes: list[str]
) -> tuple[Figures, Figures]:
    """Return the figures of a version, alone and among others."""
    version.home.mkdir()
    ids = version.take_in(studies)
    names = sorted(ids)
    large, small = names[:2], names[2:]
    alone: Figures = defaultdict(list)
    crowded: Figures = defaultdict(list)
    with version.served(PORT) as address, _browser(playwright) as browser:
        try:
            _alone(kind, browser, address, ids, large, small[:ROUNDS], alone, notes)
            with crowd(address, READERS, [ids[one] for one in small[2 * ROUNDS :]]):
                time.sleep(ARRIVED)
                reader = kind(browser.new_context(viewport={"width": 1920, "height": 1080}), address)
                reader.address_to_picture(ids[small[0]])
                _read(reader, small[ROUNDS : 2 * ROUNDS], crowded)
        except Error as error:
            if kind is Reader:
                raise
            notes.append(f"The version before was not measured to the end: {str(error).splitlines()[0]}")
    return alone, crowded


def _alone(
    kind: type[Reader],
    browser: Browser,
    address: str,
    ids: dict[str, str],
    large: Sequence[str],
    small: Sequence[str],
    into: Figures,
    notes: list[str],
) -> None:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    reader = kind(context, address)
    rows = iter(ROWS)
    into[next(rows)].append(reader.address_to_picture(ids[large[0]]))
    later = next(rows)
    for _ in range(4):
        reader.page.close()
        reader = kind(context, address)
        into[later].append(reader.address_to_picture(ids[large[0]]))
    into["key to next slice"] += [one / 1000 for one in reader.keys(LARGE)]
    if kind is Reader:
        notes.append(_wheel(reader))
    reader.address_to_picture(ids[small[0]])
    if kind is Reader:
        count = LARGE // EVERY
        for method, name in METHODS.items():
            for at in range(MAPS):
                when = "later" if at else "first"
                into[f"{name}, {when}"].append(heat_map(reader.page, ids[small[0]], method, count // 3 + at))
    for _ in range(3):
        into["DICOM reports"].append(reader.reports())
    _read(reader, small, into)
    reader.worklist()
    reader.filter(large[1])
    into[f"the same, {LARGE} slices, not decoded before"].append(reader.row_to_picture(large[1]))


def _read(reader: Reader, accessions: Sequence[str], into: Figures) -> None:
    """Find, open and sign each study, and go on to the next one."""
    for accession in accessions:
        reader.worklist()
        into["filter the worklist"].append(reader.filter(accession))
        into["row of the worklist to first picture"].append(reader.row_to_picture(accession))
        into["sign"].append(reader.sign())
        into["next study to first picture"].append(reader.next_to_picture())


def _wheel(reader: Reader) -> str:
    """Turn the wheel fast, and return what was shown of it and the memory of the tab."""
    import psutil

    page = reader.page
    page.wait_for_timeout(500)
    page.evaluate("window.shown.length = 0")
    box = page.locator(reader.pane).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(NOTCHES):
        page.mouse.wheel(0, 120)
        page.wait_for_timeout(NOTCH)
    page.wait_for_timeout(500)
    shown = set(page.evaluate("window.shown")) - {0}
    renderers = [one for one in psutil.Process().children(recursive=True) if "--type=renderer" in one.cmdline()]
    memory = max(one.memory_info().rss for one in renderers) / 2**20
    return (
        f"Of {NOTCHES} notches of the wheel, {1000 // NOTCH} a second, {NOTCHES - len(shown)} were not shown. "
        f"Memory of the tab with {LARGE} slices: {memory:.0f} MB (under 600 are wanted)."
    )


@contextmanager
def _browser(playwright: Any) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    try:
        yield browser
    finally:
        browser.close()


def _table(now: tuple[Figures, Figures], before: tuple[Figures, Figures]) -> list[str]:
    lines = [
        "| what a reader waits for | wanted, 95 % | alone | among others | before, alone | before, among others |",
        "|---|---|---|---|---|---|",
    ]
    for row, target in ROWS.items():
        cells = [_cell(figures.get(row, [])) for figures in (*now, *before)]
        lines.append(f"| {row} | {target} | " + " | ".join(cells) + " |")
    return lines


def _cell(seconds: list[float]) -> str:
    if not seconds:
        return ""
    ordered = sorted(seconds)
    ends = statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1]
    shown = [
        f"{1000 * one:.0f} ms" if one < 0.1 else f"{one:.2f} s" for one in (ends if len(ordered) > 1 else ends[:1])
    ]
    return ", ".join(shown)


def _explained() -> list[str]:
    return [
        f"Median, 95 % of all; one number where it was done once. Studies of {LARGE // EVERY} slices of {SIDE} px "
        f"unless said otherwise; {ROUNDS} of them are found, opened, signed and left for the next one. Slices change "
        f"{1000 // REPEAT} times a second, {LARGE} slices with outline and heat map. Others: {READERS} light clients, "
        f"each of which every {PERIOD:.0f} s filters the worklist, runs the review page of a study, and fetches all "
        f"of its slices and {LAYERS} heat maps. *Before*: the commit `{BEFORE}`, where the server drew every picture."
    ]


def _into_docs(lines: list[str]) -> None:
    text = DOCS.read_text()
    head, rest = text.split(BEGIN)
    DOCS.write_text(head + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + rest.split(END)[1])
