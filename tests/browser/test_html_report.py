"""The HTML report in a real Chromium: no errors, no requests, sorting, themes, and names that try to be code."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.lab.sick_networks import small_sigmoid

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parents[2] / "test-artifacts"
HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--window-size=1000,1400",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = nn.Sequential()
    net.add_module(HOSTILE.replace(".", ""), nn.Linear(16, 64))
    net.add_module("sick", small_sigmoid())
    path = tmp_path_factory.mktemp("report") / "report.html"
    report = check(net, torch.randn(32, 16), torch.randint(0, 10, (32,)), nn.functional.cross_entropy, name="</script>" + HOSTILE)
    assert not report.ok
    report.to_html(path)
    return path


def test_opens_from_disk_without_errors_or_requests(browser, page: Path) -> None:
    browser.get(page.as_uri())
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    sent = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:", "chrome:", "about:")) for url in urls), urls
    assert browser.title.startswith("</script>") and HOSTILE in browser.title  # shown as text, never run
    assert len(page.read_text()) < 2_000_000
    ARTEFACTS.mkdir(exist_ok=True)
    browser.save_screenshot(str(ARTEFACTS / "report-light.png"))


def test_plots_have_names_and_answer_the_keyboard(browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(page.as_uri())
    plots = browser.find_elements("css selector", "svg[role=img]")
    assert len(plots) == 2 and all(p.get_attribute("aria-label") for p in plots)
    plots[0].send_keys(Keys.ARROW_RIGHT)
    tip = browser.find_element("id", "tip")
    assert tip.is_displayed() and "rms" in tip.text


def test_the_table_sorts_by_click_and_by_keyboard(browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(page.as_uri())
    head = browser.find_elements("css selector", "table.layers th")[5]
    button = head.find_element("tag name", "button")
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = [float(v) for c in browser.find_elements("css selector", "table.layers tbody td:nth-child(6)") if (v := c.get_attribute("data-v"))]
    assert values == sorted(values) and len(set(values)) > 10
    button.send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "descending"


def test_themes_toggle(browser, page: Path) -> None:
    browser.get(page.as_uri())
    before = browser.find_element("tag name", "body").value_of_css_property("background-color")
    browser.find_element("id", "theme").click()
    assert browser.find_element("tag name", "body").value_of_css_property("background-color") != before
    browser.save_screenshot(str(ARTEFACTS / "report-dark.png"))
