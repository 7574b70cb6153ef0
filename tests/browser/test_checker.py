"""What finds violations finds them: with the short cuts of quick_axe.js axe answers as it does without them."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser

from tests.browser.conftest import QUICK

pytestmark = pytest.mark.browser

FAULTY = """<!doctype html><html><head><style>
  body { background: #fff } .grey { color: #999 } .faint { color: rgba(0, 0, 0, .4) } .half { opacity: .5 }
  .dark { background: hsl(210 60% 20%); color: #345 } .mixed { color: color-mix(in srgb, red, white 70%) }
  .over { background: rgba(20, 20, 20, .7); color: #555 } .slope { background: linear-gradient(#fff, #000) }
  .fine { color: #222; background: oklch(95% 0.01 90) } .shade { color: #fff; text-shadow: 0 0 2px #000 }
</style></head><body><h1></h1><h3 class="grey">Nhạt</h3><img src="x.png"><input type="text"><a href="#"></a>
  <p class="faint">Mờ <b class="mixed">hồng</b></p><p class="half">Một nửa</p><p class="dark">Tối</p>
  <div class="over"><p>Trên nền</p><p class="dark half">Cả hai</p></div><p class="slope">Dốc</p>
  <p class="shade">Bóng</p>
  <p class="fine">Đọc được</p><p role="buton" aria-labelledby="nobody">Nút</p><ul><p>1</p></ul>
  <i id="a"></i><i id="a"></i>
</body></html>"""
ANSWER = """async () => { const all = await axe.run({preload: false});
    return Object.fromEntries(["violations", "incomplete", "passes", "inapplicable"].map(kind => [kind,
      all[kind].map(rule => [rule.id, rule.nodes.map(node => [node.target, node.html, node.failureSummary,
        [...node.any, ...node.all, ...node.none].map(check => [check.id, check.data, check.message])])])])) }"""


def test_its_short_cuts_change_no_answer_of_axe_whatever_the_colours(browser: Browser):
    answers: list[dict[str, Any]] = []
    for script in (AXE_SCRIPT, QUICK[0] + AXE_SCRIPT + QUICK[1]):
        page = browser.new_page()
        page.set_content(FAULTY)
        page.add_script_tag(content=script)
        answers += [page.evaluate(ANSWER), page.evaluate(ANSWER)]
        page.close()
    assert answers == [answers[0]] * 4
    found = {rule: nodes for rule, nodes in answers[0]["violations"]}
    assert len(found["color-contrast"]) > 3
    assert {"color-contrast", "image-alt", "link-name", "aria-roles", "html-has-lang", "list"} <= found.keys()
    assert len(answers[0]["passes"]) > 10
