"""Measuring and outlining with mouse and keys, kept in the record whatever happens to server and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from e2e.tools.bench import Server, drag, opened, screen, show
from marked_samples import length, marks, mask
from playwright.sync_api import BrowserContext, Page
from record_samples import NOW, reading
from scipy import ndimage

from triage.records.marked import Mask

pytestmark = pytest.mark.browser
#: First digits of the digest of a model.
MODEL = "0123456789abcdef"
SAVED = "states.length && states.at(-1).saved === 'saved' && tools.marks.content.measurements.length === "


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait until something is true of the record."""
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not become true")


def content(page: Page) -> dict[str, Any]:
    return page.evaluate("tools.marks.content")


def take(page: Page, tool: str) -> None:
    page.evaluate("name => tools.setTool(name)", tool)


def outline(server: Server, number: int = 0) -> np.ndarray:
    return Mask.model_validate(server.draft["masks"][server.markers[number]]).pixels


def test_a_length_is_drawn_by_dragging_and_kept(page: Page, server: Server) -> None:
    show(page, np.zeros((160, 200), np.uint16), server.markers[0], spacing=[1.0, 0.5])
    take(page, "length")
    drag(page, (20, 30), (100, 30))
    until(page, lambda: len(server.draft["measurements"]) == 1)
    (one,) = server.draft["measurements"]
    assert (one["kind"], one["marker"]) == ("length", server.markers[0])
    assert one["values"]["mm"] == pytest.approx(40, abs=0.4)
    assert np.allclose(one["points"], [[20, 30], [100, 30]], atol=0.5)


@pytest.mark.parametrize("by_clicks", [False, True])
def test_an_angle_is_drawn_by_dragging_or_by_clicks(page: Page, server: Server, by_clicks: bool) -> None:
    take(page, "angle")
    if by_clicks:
        for point in ((100, 20), (40, 80), (140, 80)):
            page.mouse.click(*screen(page, *point))
    else:
        drag(page, (100, 20), (40, 80))
        page.mouse.click(*screen(page, 140, 80))
    until(page, lambda: len(server.draft["measurements"]) == 1)
    assert server.draft["measurements"][0]["values"]["degrees"] == pytest.approx(45, abs=0.6)


def test_ellipse_and_probe_tell_the_gray_values(page: Page, server: Server) -> None:
    rows, columns = np.mgrid[:160, :200]
    show(page, (rows * 10 + columns).astype(np.uint16), server.markers[0], slope=2, intercept=-5, unit="HU")
    take(page, "ellipse")
    drag(page, (40, 40), (80, 100))
    take(page, "probe")
    page.mouse.click(*screen(page, 150.5, 20.5))
    until(page, lambda: len(server.draft["measurements"]) == 2)
    ellipse, probe = server.draft["measurements"]
    assert ellipse["values"]["mean"] == pytest.approx(2 * (69.5 * 10 + 59.5) - 5, abs=12)
    assert probe["values"] == {"value": 2 * 350 - 5, "stored": 350}
    assert (ellipse["unit"], probe["unit"]) == ("HU", "HU")


def test_a_handle_moves_without_a_tool_and_elsewhere_the_mouse_is_the_viewer_s(page: Page, server: Server) -> None:
    take(page, "length")
    drag(page, (20, 30), (100, 30))
    take(page, "")
    drag(page, (100, 30), (60, 30))
    assert page.evaluate("handled")
    assert content(page)["measurements"][0]["values"]["px"] == pytest.approx(40, abs=0.5)
    drag(page, (150, 140), (160, 150))
    assert page.evaluate("handled") is False
    assert len(content(page)["measurements"]) == 1
    page.keyboard.press("Delete")
    assert content(page)["measurements"] == []
    page.keyboard.press("Control+z")
    assert len(content(page)["measurements"]) == 1


def test_the_middle_of_an_ellipse_moves_it(page: Page) -> None:
    take(page, "ellipse")
    drag(page, (40, 40), (80, 100))
    drag(page, (60, 70), (90, 60))
    (one,) = content(page)["measurements"]
    assert np.allclose(one["points"], [[70, 30], [110, 90]], atol=0.7)


def test_escape_gives_up_and_lays_the_tool_down(page: Page) -> None:
    page.keyboard.press("a")
    page.mouse.click(*screen(page, 20, 20))
    page.keyboard.press("Escape")
    page.mouse.move(*screen(page, 60, 60))
    assert content(page)["measurements"] == []
    assert page.evaluate("states.at(-1).tool") == "angle"
    page.keyboard.press("Escape")
    assert page.evaluate("states.at(-1).tool") is None


def test_a_reformatted_plane_takes_no_marks(page: Page) -> None:
    take(page, "brush")
    show(page, np.zeros((160, 200), np.uint16), None)
    drag(page, (20, 30), (100, 30))
    assert content(page) == marks()
    assert any("acquired slices" in text for text in page.evaluate("said()"))


def test_a_gesture_that_another_slice_interrupts_is_given_up(page: Page, server: Server) -> None:
    for tool in ("length", "brush"):
        take(page, tool)
        page.mouse.move(*screen(page, 20, 30))
        page.mouse.down()
        show(page, np.zeros((160, 200), np.uint16), server.markers[1])
        page.mouse.move(*screen(page, 60, 30))
        page.mouse.up()
        assert content(page) == marks()
        show(page, np.zeros((160, 200), np.uint16), server.markers[0])


def test_brush_and_eraser_paint_where_the_pointer_goes(page: Page, server: Server) -> None:
    page.evaluate("viewport.place = new DOMMatrix([0, 3, -3, 0, 600, 20])")  # turned by a quarter
    take(page, "brush")
    page.evaluate("tools.outlining.size = 20")
    drag(page, (50, 60), (120, 60))
    until(page, lambda: server.markers[0] in server.draft["masks"])
    painted = outline(server)
    assert painted.sum() == pytest.approx(70 * 20 + np.pi * 100, rel=0.03)
    assert painted[51:69, 50:120].all()
    take(page, "eraser")
    drag(page, (85, 30), (85, 90))
    until(page, lambda: not outline(server)[60, 85])
    assert ndimage.label(outline(server))[1] == 2
    page.keyboard.press("Control+z")
    until(page, lambda: bool((outline(server) == painted).all()))
    page.keyboard.press("Control+Shift+z")
    until(page, lambda: not outline(server)[60, 85])


def test_fifty_steps_are_undone(page: Page) -> None:
    take(page, "probe")
    for number in range(60):
        page.mouse.click(*screen(page, 3 * number + 5, 2 * number + 5))
    for _ in range(60):
        page.keyboard.press("Control+z")
    assert len(content(page)["measurements"]) == 10
    assert page.evaluate("states.at(-1).canUndo") is False
    for _ in range(60):
        page.keyboard.press("Control+y")
    assert len(content(page)["measurements"]) == 60


def test_a_line_and_a_hole_are_filled(page: Page, server: Server) -> None:
    take(page, "lasso")
    drag(page, (20, 20), (100, 20), (100, 90), (20, 90))
    until(page, lambda: server.markers[0] in server.draft["masks"])
    assert outline(server).sum() == pytest.approx(80 * 70, rel=0.03)
    page.evaluate("tools.outlining.size = 6")
    take(page, "eraser")
    drag(page, (40, 50), (80, 50))
    page.wait_for_timeout(20)
    take(page, "fill")
    page.mouse.click(*screen(page, 60, 50))
    until(page, lambda: outline(server)[50, 60] and outline(server).sum() > 5400)


def test_a_fill_that_fails_says_why(page: Page, server: Server) -> None:
    take(page, "fill")
    page.mouse.click(*screen(page, 60, 50))
    assert "no outline on this slice" in page.evaluate("said()")[-1]
    take(page, "lasso")
    drag(page, (20, 20), (100, 20), (100, 90), (20, 90))
    until(page, lambda: server.markers[0] in server.draft["masks"])
    take(page, "fill")
    for (x, y), why in (
        ((150, 120), "Close the outline around"),
        ((60, 50), "inside the outline"),
        ((-2, 50), "outside"),
    ):
        page.mouse.click(*screen(page, x, y))
        assert why in page.evaluate("said()")[-1]
    assert outline(server).sum() == pytest.approx(80 * 70, rel=0.03)


def test_slices_between_two_outlines_are_filled(page: Page, server: Server) -> None:
    for number, radius in ((1, 20), (5, 40)):
        show(page, np.zeros((160, 200), np.uint16), server.markers[number])
        take(page, "brush")
        page.evaluate("size => { tools.outlining.size = size }", 2 * radius)
        page.mouse.click(*screen(page, 100, 80))
    page.keyboard.press("Shift+F")
    until(page, lambda: len(server.draft["masks"]) == 5)
    radii = [np.sqrt(outline(server, number).sum() / np.pi) for number in range(1, 6)]
    assert np.allclose(radii, [20, 25, 30, 35, 40], atol=0.5)
    assert "Slices outlined: 3." in page.evaluate("said()")
    masks = server.draft["masks"]
    assert [number for number in range(1, 6) if "by_hand" in masks[server.markers[number]]] == [1, 5]
    page.keyboard.press("Control+z")
    until(page, lambda: len(server.draft["masks"]) == 2)


def test_a_correction_begins_with_the_outline_of_the_ai(page: Page, server: Server) -> None:
    theirs = np.zeros((160, 200), bool)
    theirs[40:90, 60:120] = True
    suggested = mask(theirs) | {"origin": MODEL}
    options = "{studyId, markersOf: () => markers, suggested: () => theirs}"
    page.evaluate(f"([studyId, markers, theirs]) => mount({options})", [server.study_id, server.markers, suggested])
    take(page, "eraser")
    page.evaluate("tools.outlining.size = 30")
    drag(page, (90, 0), (90, 159))
    until(page, lambda: server.markers[0] in server.draft["masks"])
    corrected = outline(server)
    assert corrected[50, 62]
    assert not corrected[:, 80:100].any()
    assert server.draft["masks"][server.markers[0]]["origin"] == MODEL
    assert server.draft["masks"][server.markers[0]]["by_hand"]
    assert any("Begun with the AI's outline" in text for text in page.evaluate("said()"))
    page.evaluate("masks => tools.adopt(masks)", {server.markers[number]: suggested for number in (0, 3, 4)})
    until(page, lambda: len(server.draft["masks"]) == 3)
    assert np.array_equal(outline(server, 3), theirs)
    assert "by_hand" not in server.draft["masks"][server.markers[3]]
    assert np.array_equal(outline(server), corrected)
    page.keyboard.press("Control+z")
    until(page, lambda: len(server.draft["masks"]) == 1)
    page.keyboard.press("Control+z")
    until(page, lambda: server.draft["masks"] == {})


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_first_line_replaces_the_outline_of_the_ai_and_others_add_to_it(
    page: Page, server: Server, is_taken: bool
) -> None:
    theirs = np.zeros((160, 200), bool)
    theirs[40:120, 60:160] = True
    suggested = mask(theirs) | {"origin": MODEL}
    options = "{studyId, markersOf: () => markers, suggested: () => theirs}"
    page.evaluate(f"([studyId, markers, theirs]) => mount({options})", [server.study_id, server.markers, suggested])
    if is_taken:
        page.evaluate("masks => tools.adopt(masks)", {server.markers[number]: suggested for number in (0, 1)})
        until(page, lambda: len(server.draft["masks"]) == 2)
    before = server.draft["masks"]
    take(page, "lasso")
    page.mouse.click(*screen(page, 100, 80))
    assert content(page)["masks"] == before, "a line around nothing changes nothing"
    drag(page, (80, 60), (120, 60), (120, 90), (80, 90))
    until(page, lambda: server.draft["masks"] != before)
    assert outline(server).sum() == pytest.approx(40 * 30, rel=0.05)
    drawn = server.draft["masks"][server.markers[0]]
    assert "origin" not in drawn
    assert drawn["by_hand"]
    assert "took the place of the AI's outline" in page.evaluate("said()")[-1]
    drag(page, (130, 60), (150, 60), (150, 90), (130, 90))
    until(page, lambda: outline(server).sum() > 1500)
    assert outline(server).sum() == pytest.approx(60 * 30, rel=0.05)
    if is_taken:
        assert np.array_equal(outline(server, 1), theirs), "only this slice"
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    until(page, lambda: server.draft["masks"] == before)


def test_a_line_adds_to_an_outline_of_the_ai_that_was_corrected(page: Page, server: Server) -> None:
    theirs = np.zeros((160, 200), bool)
    theirs[40:120, 60:160] = True
    suggested = mask(theirs) | {"origin": MODEL}
    page.evaluate(
        "([studyId, theirs]) => mount({studyId, markersOf: () => [], suggested: () => theirs})",
        [server.study_id, suggested],
    )
    take(page, "eraser")
    drag(page, (80, 60), (120, 60))
    until(page, lambda: server.markers[0] in server.draft["masks"])
    corrected = outline(server)
    take(page, "lasso")
    drag(page, (10, 60), (40, 60), (40, 90), (10, 90))
    until(page, lambda: bool(outline(server)[70, 20]))
    assert (outline(server) & corrected).sum() == corrected.sum()
    assert server.draft["masks"][server.markers[0]]["origin"] == MODEL


def test_nothing_is_left_of_an_outline_that_is_erased(page: Page, server: Server) -> None:
    theirs = mask(np.pad(np.ones((4, 4), bool), ((40, 116), (60, 136)))) | {"origin": MODEL}
    page.evaluate(
        "([studyId, theirs]) => mount({studyId, markersOf: () => [], suggested: () => theirs})",
        [server.study_id, theirs],
    )
    take(page, "eraser")
    page.evaluate("tools.outlining.size = 40")
    drag(page, (60, 40), (64, 44))
    until(page, lambda: server.markers[0] in server.draft["masks"])
    assert server.draft["masks"][server.markers[0]] == mask(np.zeros((160, 200), bool))


def test_a_key_image_is_chosen_and_given_up(page: Page, server: Server) -> None:
    page.keyboard.press("k")
    until(page, lambda: server.draft["keys"] == [server.markers[0]])
    assert page.evaluate("tools.isKey")
    page.keyboard.press("k")
    until(page, lambda: server.draft["keys"] == [])


def test_marks_are_there_again_after_a_reload(page: Page, server: Server, context: BrowserContext) -> None:
    take(page, "length")
    drag(page, (20, 30), (100, 30))
    until(page, lambda: len(server.draft["measurements"]) == 1)
    page.close()
    assert content(opened(context, server)) == server.draft
    other = opened(context, server, mount=False)
    other.evaluate("document.cookie = 'triage_reader=Dr.%20B'")
    other.evaluate("studyId => mount({studyId})", server.study_id)
    assert content(other) == marks()


def test_what_is_drawn_while_the_server_is_away_is_kept(page: Page, server: Server, context: BrowserContext) -> None:
    take(page, "length")
    server.stop()
    drag(page, (20, 30), (100, 30))
    page.wait_for_function("states.at(-1).saved === 'waiting'")
    assert "does not answer" in page.evaluate("said()")[-1]
    page.close()
    server.start()
    again = opened(context, server)
    until(again, lambda: len(server.draft["measurements"]) == 1)
    until(again, lambda: again.evaluate("localStorage.length") == 0)


def test_a_window_sends_again_by_itself(page: Page, server: Server) -> None:
    take(page, "length")
    server.stop()
    drag(page, (20, 30), (100, 30))
    page.wait_for_function("states.at(-1).saved === 'waiting'")
    server.start()
    until(page, lambda: len(server.draft["measurements"]) == 1)
    page.wait_for_function("states.at(-1).saved === 'saved'")


def test_two_windows_lose_nothing_of_each_other(page: Page, server: Server, context: BrowserContext) -> None:
    other = opened(context, server)
    for window, row in ((page, 30), (other, 60)):
        take(window, "length")
        drag(window, (20, row), (100, row))
        until(window, lambda window=window: window.evaluate("states.at(-1).saved === 'saved'"))
    assert [round(one["points"][0][1]) for one in server.draft["measurements"]] == [30, 60]
    assert "another window" in other.evaluate("said()")[-1]


def test_marks_that_the_record_refuses_are_said(page: Page, server: Server) -> None:
    show(page, np.zeros((160, 200), np.uint16), f"{'f' * 64}/0")
    take(page, "length")
    drag(page, (20, 30), (100, 30))
    page.wait_for_function("states.at(-1).saved === 'refused'")
    assert "does not have" in page.evaluate("said()")[-1]
    page.keyboard.press("k")
    page.wait_for_function("states.at(-1).saved === 'refused'")
    page.wait_for_timeout(2600)  # it is sent again after two seconds
    assert "does not have" in page.evaluate("states.at(-1).message"), "nothing else was said"


def test_what_is_marked_while_a_signature_waits_is_sent_afterwards(page: Page, server: Server) -> None:
    drafts = server.installation.store.drafts
    drafts.hold(server.study_id, reading(), seen=0, due=NOW)
    page.keyboard.press("k")
    page.wait_for_function("states.at(-1).saved === 'refused'")
    assert "being signed" in page.evaluate("states.at(-1).message")
    assert drafts.settle(NOW) == 1
    until(page, lambda: server.draft["keys"] == [server.markers[0]])
    assert server.installation.store.marks.signed(server.study_id) == ()


def test_a_reader_who_may_not_draw_sees_the_marks(page: Page, server: Server) -> None:
    server.installation.store.marks.save(server.study_id, "Dr. A", marks(length(server.markers[0])), seen=0)
    page.evaluate("studyId => mount({studyId, readOnly: true})", server.study_id)
    take(page, "length")
    drag(page, (20, 60), (100, 60))
    for key in ("Delete", "k", "m", "Control+z"):
        page.keyboard.press(key)
    assert page.evaluate("[tools.undo(), tools.remove(), tools.toggleKey(), tools.fillBetween()]") == [False] * 4
    assert content(page) == marks(length(server.markers[0]))


MINE, THEIRS = length("f/0", 1, "aa"), length("f/0", 2, "aa")


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "expected", "clashes"),
    [
        ([], [MINE], [], [MINE], 0),
        ([], [], [THEIRS], [THEIRS], 0),
        ([MINE], [], [MINE], [], 0),
        ([MINE], [MINE], [], [], 0),
        ([MINE], [], [THEIRS], [THEIRS], 0),
        ([MINE], [THEIRS], [], [THEIRS], 0),
        ([], [MINE], [THEIRS], [MINE], 1),
        ([], [MINE], [dict(reversed(MINE.items()))], [MINE], 0),
    ],
)
def test_two_windows_are_brought_together(
    page: Page, base: list[Any], mine: list[Any], theirs: list[Any], expected: list[Any], clashes: int
) -> None:
    code = "async a => (await import('/viewer/modules/tools/marks.js')).merged(...a)"
    found = page.evaluate(code, [marks(*base), marks(*mine), marks(*theirs)])
    assert found == {"content": marks(*expected), "clashes": clashes}
