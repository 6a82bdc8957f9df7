"""The connections as Airflow 3 shows them: the list, and the form to add one and to change it."""

from __future__ import annotations

import json
import re
from typing import Any, Final, Literal

from playwright.sync_api import Locator, Page, expect

from airflow_provider_oppo_image.connection import HOOK_NAME

EXTRA: Final = "Extra Fields"


class ConnectionForm:
    """The form, opened.

    :param page: the page that shows it.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self.dialog = page.get_by_role("dialog")

    def choose_type(self) -> None:
        """Choose this package's type of connection."""
        self.dialog.get_by_role("combobox", name="Connection Type").fill("OPPO")
        self._page.get_by_role("option", name=HOOK_NAME).click()

    def show(self, section: str) -> None:
        """Unfold a section."""
        heading = self.dialog.get_by_role("button", name=section, exact=True)
        if heading.get_attribute("aria-expanded") != "true":
            heading.click()
        expect(heading).to_have_attribute("aria-expanded", "true")

    def field(self, label: str) -> Locator:
        """Find a field by its label, which may be cut off at its end."""
        return self.dialog.get_by_label(re.compile(f"^{re.escape(label)}"))

    def fill(self, **fields: str) -> None:
        """Fill in fields of the section that is unfolded; spaces in their labels are underscores here."""
        for label, text in fields.items():
            self.field(label.replace("_", " ")).fill(text)

    def choices(self, label: str) -> list[str]:
        """Open a drop-down, and return what there is to choose."""
        self.dialog.get_by_role("combobox", name=label).click()
        expect(self._page.get_by_role("option").first).to_be_visible()
        return self._page.get_by_role("option").all_inner_texts()

    def choose(self, label: str, choice: str) -> None:
        """Choose something from a drop-down."""
        self.dialog.get_by_role("combobox", name=label).click()
        self._page.get_by_role("option", name=choice).click()

    def clear(self, label: str) -> None:
        """Leave a drop-down without a choice."""
        self.dialog.get_by_role("combobox", name=label).press("Backspace")

    def switch(self, label: str) -> None:
        """Turn a switch over, by the keyboard."""
        self.dialog.get_by_role("checkbox", name=label).press("Space")

    def save(self) -> dict[str, Any]:
        """Save, come back when the form is closed, and return the extra that was sent."""
        with self._page.expect_request(lambda request: request.method in ("POST", "PATCH")) as sent:
            self.dialog.get_by_role("button", name="Save").click()
        expect(self.dialog).to_have_count(0)
        extra: dict[str, Any] = json.loads(sent.value.post_data_json["extra"])
        return extra


class ConnectionList:
    """The list of connections.

    :param page: the page, opened there.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def add(self, conn_id: str) -> ConnectionForm:
        """Open the form for a new connection of this package's type."""
        self.page.get_by_role("button", name="Add Connection").click()
        form = ConnectionForm(self.page)
        form.field("Connection ID").fill(conn_id)
        form.choose_type()
        return form

    def change(self, conn_id: str) -> ConnectionForm:
        """Open the form of a stored connection."""
        self._row(conn_id).get_by_role("button", name="Edit Connection").click()
        return ConnectionForm(self.page)

    @property
    def refusal(self) -> Locator:
        """Find the words that appear when a test fails."""
        return self.page.get_by_role("status", name="Test Connection Failed")

    def test_button(self, conn_id: str) -> Locator:
        """Find the button that tests a connection."""
        return self._row(conn_id).get_by_role("button", name="Test Connection")

    def test(self, conn_id: str) -> tuple[Literal["green", "red"], str]:
        """Test a connection: the colour that its button has then, and the words that appear."""
        button = self.test_button(conn_id)
        with self.page.expect_response("**/connections/test"):
            button.click()
        expect(button.locator("svg")).to_have_css("color", re.compile(r"^rgb\((0, 128|255, 0), 0\)$"))
        green = button.locator("svg").evaluate("icon => getComputedStyle(icon).color") == "rgb(0, 128, 0)"
        if green:
            return "green", ""
        return "red", self.refusal.inner_text()

    def _row(self, conn_id: str) -> Locator:
        cell = self.page.get_by_role("cell", name=conn_id, exact=True)
        return self.page.get_by_role("row").filter(has=cell)


def expect_to_be_whole(text: Locator) -> None:
    """Wait until all of an element is within the window, and see that no part of its text is cut off."""
    expect(text).to_be_in_viewport(ratio=1)
    cut_off = text.evaluate("""element => [element, ...element.querySelectorAll("*")]
        .filter(part => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflow !== "visible")
        .map(part => part.innerText)""")
    assert not cut_off
