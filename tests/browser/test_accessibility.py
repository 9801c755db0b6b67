"""Our widgets under axe-core, the field's checker of accessibility, and the contrast of every text, in either theme."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tests.browser.lab import until

OURS = ".simlib-explorer, .simlib-words, .simlib-picture, .simlib-strip, .simlib-mornings"

CHECK = """async ours => {
  const found = await axe.run({include: [[ours]]}, {resultTypes: ['violations', 'passes']});
  const violations = found.violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 160)}`));
  return {violations, passes: found.passes.map(rule => rule.id)};
}"""

FAINT = """ours => {
  // axe leaves out text in the clipped containers of a notebook, so every text is measured here (WCAG 2.2, 1.4.3)
  const parts = color => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [[r, 0.2126], [g, 0.7152], [b, 0.0722]].map(([value, share]) => {
    const s = value / 255;
    return share * (s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4);
  }).reduce((a, b) => a + b);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const color = parts(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  let measured = 0;
  for (const node of document.querySelectorAll(ours.split(',').flatMap(one => [one, one + ' *']).join(','))) {
    const text = [...node.childNodes].filter(child => child.nodeType === 3).map(child => child.data.trim()).join('');
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    if (!text || node.disabled || !node.checkVisibility({visibilityProperty: true})) continue;
    const [one, two] = [light(parts(style.color)), light(behind(node))].sort((a, b) => b - a);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    measured += 1;
    const what = `${text.slice(0, 60)} (${node.className}):`;
    if ((one + 0.05) / (two + 0.05) < (large ? 3 : 4.5)) found.push(`${what} ${style.color} on ${behind(node)}`);
    if (size < 11) found.push(`${what} ${size} px`);
  }
  return {found, measured};
}"""


NOTEBOOKS = [  # `test_notebooks` checks them in the page in which it runs them
    *("00_start_here.ipynb", "02_write_a_scenario.ipynb", "04_what_if.ipynb", "06_how_sure.ipynb"),
    *("08_what_to_watch_for.ipynb", "11_update_with_events.ipynb"),
]


def assert_axe_finds_nothing_and_every_text_can_be_read(page):
    """Check a notebook at rest in both themes, with a refused value in its first readout."""
    script = (files(pytest.importorskip("axe_playwright_python")) / "axe.min.js").read_text(encoding="utf-8")
    refused = page.page.locator(".simlib-readout:visible")
    if refused.count():  # the message of a refused value is checked too
        refused.first.fill("banana")
        refused.first.press("Enter")
        until(lambda: "banana" in page.page.locator(".simlib-note:visible").first.inner_text(), 10, "the reason")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.theme(theme)
        page.page.evaluate(script)
        checked, texts = page.page.evaluate(CHECK, OURS), page.page.evaluate(FAINT, OURS)
        assert checked["violations"] == []
        assert "image-alt" in checked["passes"]
        assert texts["found"] == []
        assert texts["measured"] >= 3


def test_axe_finds_nothing_in_a_report_and_every_text_can_be_read(chromium, tmp_path):
    from simlib import load
    from simlib.report.writer import write_report

    script = (files(pytest.importorskip("axe_playwright_python")) / "axe.min.js").read_text(encoding="utf-8")
    report = write_report(load("two-islands"), tmp_path / "report.html", draws=32)
    page = chromium.new_page()
    page.goto(report.as_uri())
    page.evaluate(script)
    checked, texts = page.evaluate(CHECK, "body"), page.evaluate(FAINT, "body")
    page.close()
    assert checked["violations"] == []
    assert {"color-contrast", "image-alt"} <= set(checked["passes"])
    assert texts["found"] == []
    assert texts["measured"] > 100
