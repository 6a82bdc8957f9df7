"""The page of a batch's rows in Airflow 3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.demo_run import BATCH_ROWS, WRONG_ROWS, DemoRun, frame_of, framed


def test_cause_links_to_its_rows_and_download(
    open_airflow: Callable[..., Page],
    demo_run: DemoRun,
    tmp_path: Path,
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    page = open_airflow(demo_run.tab_of())
    batch = framed(page).get_by_role("region", name="Batch night")
    expect(batch.get_by_role("table", name="Why rows failed").get_by_role("row")).to_have_count(2)
    batch.get_by_role("link", name="Show all rows").click()
    expect(framed(page).get_by_role("table").get_by_role("row")).to_have_count(BATCH_ROWS + 1)
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


def test_search_by_name(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(demo_run.address("batch", task_id="night"))
    page.get_by_role("searchbox").fill("night_07")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("rowheader")).to_contain_text("night_07")


def test_pictures_are_loaded_lazily(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    demo_run.host.requests.clear()
    page = open_airflow(demo_run.address("batch", task_id="night"))
    page.wait_for_load_state("networkidle")
    last = f"/night_{BATCH_ROWS - 1:02d}.jpg"
    first = page.get_by_role("table").get_by_role("img").first
    expect(first).not_to_have_js_property("naturalWidth", 0)
    assert last not in demo_run.host.requests
    picture = page.locator(f'img[src$="{last}"]')
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 984)
    assert last in demo_run.host.requests


def test_task_tab_shows_its_batch(open_airflow: Callable[..., Page], demo_run: DemoRun) -> None:
    page = open_airflow(demo_run.tab_of("night"))
    assert frame_of(page).get_by_role("region", name="Batch night").is_visible()
