"""The page in a browser: what is found by role and name, what answers to keyboard and mouse, and what it looks like."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser.conftest import Open

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 375, "height": 800}, "device_scale_factor": 2}
UNFOLD = "document.querySelectorAll('main details').forEach((each) => { each.open = true; })"
CONTRASTS = """() => {
  const parts = (color) => color.match(/[0-9.]+/g).slice(0, 3).map((each) => each / 255);
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const weights = [0.2126, 0.7152, 0.0722];
  const light = (color) => parts(color).map(linear).reduce((sum, part, at) => sum + part * weights[at], 0);
  const paper = getComputedStyle(document.body).backgroundColor;
  return [...document.querySelectorAll("svg text")].map((text) => {
    const bar = text.matches(".item text:not(.beside)") ? text.parentNode.querySelector("rect:not(.mark)") : null;
    const below = bar ? getComputedStyle(bar).fill : paper;
    const [one, other] = [getComputedStyle(text).fill, below].map(light);
    return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), text.textContent];
  });
}"""
"""The contrast of each text of a picture with what is below it: axe does not look into pictures."""


def focused(page: Page) -> str:
    """Return the name of what has the focus."""
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || ''"))


def told(chart: Locator) -> str:
    """Return what a picture says below it."""
    return chart.locator("output").inner_text()


def violations(page: Page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only the task of these tests has it

    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


# findings


def test_findings_are_found_by_role_and_name(opened: Open) -> None:
    page = opened("failing")
    assert page.get_by_role("heading", level=1).inner_text() == "\N{BALLOT X} acme 2.1.0: FAILED"
    articles = page.get_by_role("region", name="Findings").get_by_role("article")
    names = [each.get_by_role("heading").inner_text().split() for each in articles.all()]
    assert [each[1:3] for each in names] == [["ERROR", "RUN607"], ["ERROR", "PRF701"], ["NOTE", "PRF704"]]
    worker = page.get_by_role("article", name=re.compile("error RUN607"))
    assert "did not stop within 3 s of SIGTERM" in worker.inner_text()
    assert 'File "acme/worker.py", line 61, in run' in worker.inner_text()
    assert worker.get_by_text("tox prodsim explain RUN607").is_visible()


def test_the_command_is_copied(opened: Open) -> None:
    page = opened("failing", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy tox prodsim explain RUN607").click()
    page.get_by_role("article", name=re.compile("RUN607")).get_by_text("copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "tox prodsim explain RUN607"


def test_the_first_tab_leads_to_the_findings(opened: Open) -> None:
    page = opened("failing")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#r1-findings")


# pictures


def test_the_icicle_answers_to_the_keyboard(opened: Open) -> None:
    page = opened("failing")
    tree = page.get_by_role("tree", name="Imports now: this wheel")
    chart = page.locator(".chart", has=tree)
    tree.get_by_role("treeitem").first.focus()
    assert focused(page).startswith("acme: ")
    for key, name in (
        ("ArrowDown", "acme.report"),
        ("ArrowDown", "pandas"),
        ("ArrowDown", "numpy"),
        ("ArrowRight", "pandas.io"),
        ("ArrowUp", "pandas"),
    ):
        page.keyboard.press(key)
        assert focused(page).startswith(f"{name}: "), key
    assert told(chart).startswith("pandas: 305,000 bytecodes (")
    assert "new, imported by acme.report" in told(chart)
    pandas = tree.get_by_role("treeitem", name=re.compile(r"^pandas:"))
    narrow = pandas.bounding_box()["width"]
    page.keyboard.press("Enter")
    whole = tree.bounding_box()["width"]
    assert narrow < 0.7 * whole
    assert pandas.bounding_box()["width"] == pytest.approx(whole, abs=5)
    assert pandas.get_attribute("aria-selected") == "true"
    page.keyboard.press("Escape")
    assert pandas.bounding_box()["width"] == pytest.approx(narrow, abs=1)
    page.keyboard.press("End")
    assert focused(page).startswith("inspect: ")
    page.keyboard.press("Home")
    assert focused(page).startswith("acme: ")


def test_the_icicle_answers_to_the_mouse(opened: Open) -> None:
    page = opened("failing")
    now, before = (page.get_by_role("tree", name=re.compile(f"Imports {when}")) for when in ("now", "before"))
    chart = page.locator(".chart", has=now)
    models = now.get_by_role("treeitem", name=re.compile(r"^acme\.models:"))
    models.hover()
    assert "33,000 of its own, more work" in told(chart)
    assert before.locator(".item.same title").all_text_contents()[0].startswith("acme.models: ")
    page.mouse.move(0, 0)
    assert told(chart).startswith("Arrow keys move")
    narrow = models.bounding_box()["width"]
    models.click()
    assert models.bounding_box()["width"] > 2 * narrow
    chart.get_by_role("button", name="Show all").click()
    assert models.bounding_box()["width"] == pytest.approx(narrow, abs=1)
    assert not chart.get_by_role("button", name="Show all").is_visible()


def test_the_timelines_answer_to_keyboard_and_mouse(opened: Open) -> None:
    page = opened("failing")
    section = page.get_by_role("region", name="Timeline of the deployment")
    events = section.get_by_role("listbox")
    events.get_by_role("option").first.focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) == "0.121 s db listening 127.0.0.1:40001, until ready 0.043 s"
    assert section.locator("tr.on").all_inner_texts() == ["0.121\tlistening\t127.0.0.1:40001\t\tdb"]
    worker = events.get_by_role("option", name=re.compile("worker SIGTERM"))
    worker.click()
    assert section.locator("tr.on").inner_text().startswith("3.110\tSIGTERM")
    assert worker.bounding_box()["width"] == pytest.approx(events.bounding_box()["width"], abs=5)
    assert "4 s" in [each.strip() for each in section.locator(".tick text").all_text_contents()]
    page.keyboard.press("Escape")
    assert worker.bounding_box()["width"] < 0.6 * events.bounding_box()["width"]
    steps = page.get_by_role("region", name="Timeline of the run").get_by_role("listbox")
    steps.get_by_role("option", name=re.compile("^deploy: FAIL, 6.40 s, from 8.40 s on")).click()
    assert page.locator("tr.on").inner_text().startswith("deploy")


# every reader


@pytest.mark.parametrize(
    ("name", "scheme"), [("failing", "light"), ("failing", "dark"), ("matrix", "light"), ("passing", "dark")]
)
def test_axe_finds_no_violation(opened: Open, name: str, scheme: str) -> None:
    page = opened(name, color_scheme=scheme, reduced_motion="reduce")
    page.evaluate(UNFOLD)
    assert violations(page) == []
    low = [(text, ratio) for ratio, text in page.evaluate(CONTRASTS) if ratio < 4.5]
    assert low == []


def test_motion_is_reduced_where_that_is_preferred(opened: Open) -> None:
    behavior = "getComputedStyle(document.documentElement).scrollBehavior"
    assert opened("passing", reduced_motion="reduce").evaluate(behavior) == "auto"
    assert opened("passing", reduced_motion="no-preference").evaluate(behavior) == "smooth"


@pytest.mark.parametrize("name", ["passing", "failing", "matrix", "hostile"])
def test_nothing_is_wider_than_a_phone(opened: Open, name: str) -> None:
    page = opened(name, **PHONE)
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_without_scripts_and_without_styles_everything_is_there(
    opened: Open, files: dict[str, Path], tmp_path: Path
) -> None:
    plain = tmp_path / "plain.html"
    plain.write_text(
        re.sub(r"<(style|script)>.*?</\1>", "", files["failing"].read_text("utf-8"), flags=re.DOTALL), "utf-8"
    )
    pages = opened("failing"), opened("failing", java_script_enabled=False), opened(plain)
    whole, unscripted, unstyled = (read(page) for page in pages)
    controls = set(re.findall(r"\S+", "Copy Show all Arrow keys move, Enter or a click enlarges, Escape shows all."))
    assert unscripted <= whole <= unscripted | controls
    assert {each.lower() for each in unstyled} == {each.lower() for each in unscripted}
    page = opened(plain, **PHONE)
    assert page.get_by_role("img", name="Imports now: this wheel").locator("rect").count() > 10
    assert page.get_by_role("img").first.bounding_box()["width"] > 300


def read(page: Page) -> set[str]:
    """Return all words that can be read, what is folded included."""
    page.evaluate(UNFOLD)
    return set(page.locator("body").inner_text().split())


def test_foreign_text_is_text_and_the_policy_lets_nothing_else_in(opened: Open) -> None:
    page = opened("hostile", forgiven="inline script violates")
    assert page.locator("script").count() == 1
    assert "<script>alert(1)</script>" in page.get_by_role("article").first.inner_text()
    assert page.evaluate("JSON.parse(document.getElementById('events').textContent).length") > 10
    blocked = page.evaluate(
        """() => new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
          const made = document.createElement("script");
          made.textContent = "window.owned = 1";
          document.body.append(made);
        })"""
    )
    assert blocked.startswith("script-src")
    assert page.evaluate("window.owned") is None


def test_on_paper_all_is_unfolded_but_the_raw_events(opened: Open, pictures: Path) -> None:
    page = opened("failing", java_script_enabled=False, color_scheme="dark")
    why = page.get_by_text("RUN640", exact=True)
    assert not why.is_visible()
    page.emulate_media(media="print")
    assert why.is_visible()
    assert not page.get_by_role("navigation").is_visible()
    assert not page.get_by_role("heading", name="Raw events").is_visible()
    colors = page.evaluate(
        "['body', 'pre'].map((each) => getComputedStyle(document.querySelector(each)).backgroundColor)"
    )
    assert colors == ["rgb(255, 255, 255)", "rgb(245, 247, 249)"]
    page.set_viewport_size({"width": 760, "height": 1000})
    page.screenshot(path=pictures / "failing-paper.png", full_page=True)


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("failing", "light", {}),
        ("failing", "dark", {"color_scheme": "dark"}),
        ("failing", "phone", PHONE),
        ("passing", "light", {}),
        ("matrix", "dark", {"color_scheme": "dark"}),
    ],
)
def test_pictures_are_kept(opened: Open, pictures: Path, name: str, kind: str, options: dict[str, Any]) -> None:
    path = pictures / f"{name}-{kind}.png"
    opened(name, **options).screenshot(path=path, full_page=True)
    assert path.stat().st_size > 20_000
