"""Colours with a meaning, the same on every page. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

from triage.domain import Band, Finding

BAND = {Band.STAT: "#FF5D5D", Band.URGENT: "#FFB347", Band.ROUTINE: "#5BA3E0"}
FINDING = {
    Finding.GLIOMA: "#FF5D5D",
    Finding.MENINGIOMA: "#FFB347",
    Finding.PITUITARY: "#C792EA",
    Finding.NOTUMOR: "#5BA3E0",
}
TEXT = "#DCE6F0"
WARNING = "#FFB347"
MUTED = "#8FA3B8"
GRID = "#26323F"
