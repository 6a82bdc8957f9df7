"""The form of a connection as Airflow 2 shows it; a connection is tested there, and not in the list."""

from __future__ import annotations

import re
from typing import Self

from playwright.sync_api import Locator, Page, expect

from airflow_provider_oppo_image.connection import HOOK_NAME


class ConnectionForm:
    """The form, opened.

    :param page: the page that shows it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    def add(cls, page: Page, conn_id: str) -> Self:
        """Open the form for a new connection of this package's type."""
        page.goto("/connection/add")
        form = cls(page)
        form.field("Connection Id").fill(conn_id)
        page.get_by_role("row", name="Connection Type").get_by_role("combobox").click()
        page.get_by_role("option", name=HOOK_NAME).click()
        expect(form.field("AppKey")).to_be_visible()
        return form

    @classmethod
    def change(cls, page: Page, conn_id: str) -> Self:
        """Open the form of a stored connection."""
        page.goto("/connection/list/")
        row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=conn_id, exact=True))
        row.get_by_role("link", name="Edit").click()
        expect(page.get_by_role("heading", name="Edit Connection")).to_be_visible()
        return cls(page)

    def field(self, label: str) -> Locator:
        """Find a field by its label, which may be cut off at its end."""
        return self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}"))

    def fill(self, **fields: str) -> None:
        """Fill in fields; spaces in their labels are underscores here."""
        for label, text in fields.items():
            self.field(label.replace("_", " ")).fill(text)

    @property
    def test_button(self) -> Locator:
        """The button that tests what the form holds."""
        return self.page.get_by_role("button", name="Test")

    def test(self) -> str:
        """Test what the form holds, and return the words that appear."""
        with self.page.expect_response("**/connections/test"):
            self.test_button.click()
        words = self.page.locator(".alert", has_not_text="Fields that are currently populated")
        expect(words).to_be_visible()
        return words.inner_text()

    def save(self) -> None:
        """Save. Where Airflow leads to then, and whether it says a word, depends on the pages seen before."""
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            self.page.get_by_role("button", name="Save").click()
        assert answer.value.status == 302, "the form was refused"
        self.page.wait_for_load_state()
