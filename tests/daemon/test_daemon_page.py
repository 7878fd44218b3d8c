"""The page in a real browser: Debian's chromium, driven by selenium."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from cellrecording import Recording
from daemon_serving import Served, serving, wait_for
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from livesr.daemon.guard import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver.chrome.webdriver import WebDriver

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(
        not (DRIVER and BROWSER), reason="no browser: apt-get install chromium chromium-driver"
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # selenium's own sockets
]
TOKEN = "a-token-of-the-tests"  # noqa: S105


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for switch in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture(autouse=True)
def leave_the_page(browser: WebDriver) -> Iterator[None]:
    yield
    browser.get("about:blank")  # or the page goes on asking a daemon that is gone
    complaints(browser)


def text(browser: WebDriver, name: str) -> str:
    return str(browser.find_element(By.ID, name).text)


def shown_t(browser: WebDriver) -> str | None:
    overlay = browser.find_element(By.ID, "overlay")
    return overlay.get_attribute("data-t") if overlay.is_displayed() else None


def click(browser: WebDriver, name: str) -> None:
    browser.find_element(By.ID, name).click()


def complaints(browser: WebDriver) -> list[str]:
    """Return what the browser's console holds against the page."""
    return [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def test_a_session_is_watched_on_the_page(browser: WebDriver, served: Served, data: Path) -> None:
    from livesr.session.alone import only_one

    recording = Recording(data / "night").add(1)
    with only_one(recording.folder):
        browser.set_window_size(1300, 900)
        browser.get(served.address)
        wait_for(lambda: shown_t(browser) == "0", 60)
        assert text(browser, "name") == "night"
        assert text(browser, "state") == "recording"
        assert "1 of 6" in text(browser, "figures")
        recording.add(1)
        wait_for(lambda: shown_t(browser) == "1", 60)
        assert "masks of 1" in text(browser, "journal")

        before = browser.find_element(By.ID, "overlay").get_attribute("src")
        boxes = browser.find_elements(By.CSS_SELECTOR, "#structures input")
        assert len(boxes) == 15
        next(box for box in boxes if box.get_attribute("value") == "er").click()
        wait_for(lambda: browser.find_element(By.ID, "overlay").get_attribute("src") != before, 60)
        browser.execute_script(
            "const p = document.getElementById('plane'); p.value = 3;"
            "p.dispatchEvent(new Event('input'))"
        )
        wait_for(lambda: "plane 3" in text(browser, "when"), 60)

        recording.journal.append("note", text="<img src=x onerror=alert(1)>", by="", time_s=1.0)
        wait_for(lambda: "<img" in text(browser, "journal"), 60)
        recording.journal.append("decision", rule="r", cell=1, cause="metaphase", acted=True)
        wait_for(lambda: "metaphase" in text(browser, "decisions"), 60)
    recording.close()
    assert complaints(browser) == []


def test_a_session_is_started_held_and_stopped_on_the_page(
    browser: WebDriver, served: Served
) -> None:
    browser.get(served.address)
    wait_for(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#what option")) > 0, 60)
    browser.find_element(By.CSS_SELECTOR, "#new summary").click()
    browser.find_element(By.ID, "newname").send_keys("mine_{counter}")
    options = browser.find_elements(By.CSS_SELECTOR, "#what option")
    next(o for o in options if o.get_attribute("value") == "example:simulated").click()
    browser.find_element(By.CSS_SELECTOR, "#start .go").click()
    wait_for(lambda: browser.find_element(By.ID, "yes").is_displayed(), 20)
    assert served.daemon.lane.jobs() == {}  # not before it is confirmed
    click(browser, "yes")
    wait_for(lambda: text(browser, "state") == "recording", 60)
    assert text(browser, "name") == "mine_001"
    click(browser, "pause")
    wait_for(lambda: text(browser, "state") == "paused", 60)
    click(browser, "resume")
    wait_for(lambda: text(browser, "state") == "recording", 60)
    click(browser, "stop")
    wait_for(lambda: browser.find_element(By.ID, "yes").is_displayed(), 20)
    click(browser, "yes")
    wait_for(lambda: text(browser, "state") == "stopped", 60)
    assert complaints(browser) == []


def test_a_phone_shows_all_without_scrolling_sideways(browser: WebDriver, shown: Served) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get(f"{shown.address}/#night")
        wait_for(lambda: shown_t(browser) == "1", 60)
        wide = "return document.documentElement.scrollWidth"
        assert browser.execute_script(wide) <= 390
        for name in ("pause", "stop", "structures", "figures", "journal", "new"):
            assert browser.find_element(By.ID, name).rect["width"] > 60
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_asks_for_the_token_and_keeps_it(browser: WebDriver, data: Path) -> None:
    with serving(data, Rules(token=TOKEN, per_s=10_000, burst=10_000)) as served:
        browser.get(served.address)
        field = browser.find_element(By.NAME, "token")
        field.send_keys("wrong")
        field.submit()
        wait_for(lambda: "not the token" in browser.page_source, 20)
        field = browser.find_element(By.NAME, "token")
        field.send_keys(TOKEN)
        field.submit()
        wait_for(lambda: len(browser.find_elements(By.ID, "overlay")) == 1, 20)
        browser.get(f"{served.address}/docs")
        wait_for(lambda: "/api/sessions" in browser.find_element(By.TAG_NAME, "main").text, 60)
        browser.delete_all_cookies()
