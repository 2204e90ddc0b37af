"""What axe-core finds on a page that is open."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.web.building import builder

GRAVE = ("serious", "critical")
# Rules about the page as a whole that axe counts as moderate, and that hold here in every state.
WHOLE = ("page-has-heading-one", "landmark-unique", "landmark-one-main", "duplicate-id-aria", "region")
RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
  .map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 160)).join(' | ')])"""


def violations(page: Page) -> list[tuple[str, str, str]]:
    """(rule, impact, where) of all that is serious or worse, or about the whole page. Asks the page itself.

    The test needs the fixture `page_packages`.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((builder().MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = [(str(rule), str(impact), str(where)) for rule, impact, where in page.evaluate(RUN)]
    return [row for row in found if row[1] in GRAVE or row[0] in WHOLE]
