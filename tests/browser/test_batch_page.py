"""A person looks at the rows of a batch in Airflow 3, from the run's tab on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.evening import NIGHT_ROWS, WRONG_ROWS, Evening, frame_of, framed


def test_a_cause_leads_to_its_rows_and_these_are_saved_from_within_airflow(
    open_airflow: Callable[..., Page],
    evening: Evening,
    tmp_path: Path,
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    page = open_airflow(evening.tab_of())
    batch = framed(page).get_by_role("region", name="Batch night")
    expect(batch.get_by_role("table", name="Why rows failed").get_by_role("row")).to_have_count(2)
    batch.get_by_role("link", name="Show all rows").click()
    expect(framed(page).get_by_role("table").get_by_role("row")).to_have_count(NIGHT_ROWS + 1)
    page.wait_for_load_state("networkidle")
    keep_screenshot(page, "batch")

    framed(page).get_by_role("table").get_by_role("link", name="Wrong dimensions").first.click()
    rows = framed(page).get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(len(WRONG_ROWS) + 1)
    for number, row in enumerate(WRONG_ROWS, start=1):
        expect(rows.nth(number)).to_contain_text(f"night_{row:02d}")
    with page.expect_download() as saved:
        framed(page).get_by_role("link", name="CSV").click()
    saved.value.save_as(tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert len(lines) == len(WRONG_ROWS) + 1
    assert all(f"night_{row:02d}" in line for row, line in zip(WRONG_ROWS, lines[1:], strict=True))


def test_a_row_is_found_by_its_name(open_airflow: Callable[..., Page], evening: Evening) -> None:
    page = open_airflow(evening.address("batch", task_id="night"))
    page.get_by_role("searchbox").fill("night_07")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("rowheader")).to_contain_text("night_07")


def test_pictures_are_loaded_when_they_are_scrolled_to(open_airflow: Callable[..., Page], evening: Evening) -> None:
    evening.host.requests.clear()
    page = open_airflow(evening.address("batch", task_id="night"))
    page.wait_for_load_state("networkidle")
    last = f"/night_{NIGHT_ROWS - 1:02d}.jpg"
    first = page.get_by_role("table").get_by_role("img").first
    expect(first).not_to_have_js_property("naturalWidth", 0)
    assert last not in evening.host.requests
    picture = page.locator(f'img[src$="{last}"]')
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 984)
    assert last in evening.host.requests


def test_the_batch_of_a_task_is_on_its_own_tab(open_airflow: Callable[..., Page], evening: Evening) -> None:
    page = open_airflow(evening.tab_of("night"))
    assert frame_of(page).get_by_role("region", name="Batch night").is_visible()
