"""Sign in a browser as a person does: read the question, then answer it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def question(tab: Page) -> Locator:
    """Return the button that asks whether to sign, once it can be answered."""
    found = tab.locator('.reading button[data-asks="ready"]')
    expect(found).to_be_visible()
    return found
