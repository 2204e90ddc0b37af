"""The one-time link in a real browser: shown, it signs in; only prefetched or prerendered, it does not."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import expect

from tests.collector.running import Collector
from tests.support.waiting import until


def who(page: Any) -> Any:
    return page.evaluate("fetch('/api/me').then(reply => reply.ok ? reply.json() : null)")


def test_a_link_opens_the_page_once(collector: Collector, browser: Any) -> None:
    link = collector.new_link("ana")
    problems: list[str] = []
    page = browser.new_page()
    page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(link)
    page.wait_for_url(f"{collector.url}/")
    assert who(page) == {"name": "ana", "role": "annotator"}
    assert problems == []
    again = browser.new_context().new_page()
    again.goto(link)
    expect(again.locator("#say")).to_contain_text("has been used or has expired")
    expect(again.locator("#say")).to_contain_text("user link NAME")


def test_without_scripts_the_button_opens_it(collector: Collector, browser: Any) -> None:
    link = collector.new_link("bea")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(link)
    page.click("button")
    page.wait_for_url(f"{collector.url}/")
    assert any(cookie["httpOnly"] for cookie in page.context.cookies())


def test_a_prefetch_uses_nothing_up(collector: Collector, browser: Any) -> None:
    """The page in front speculates on the link, as a browser does with a link under the pointer; then it is opened."""
    link = collector.new_link("cyd")
    page = browser.new_context().new_page()
    watching = page.context.new_cdp_session(page)
    watching.send("Preload.enable")
    told: list[str] = []
    watching.on("Preload.prefetchStatusUpdated", lambda said: told.append(said["status"]))
    rules = json.dumps({"prefetch": [{"source": "list", "urls": [link], "eagerness": "immediate"}]})
    body = f'<script type="speculationrules">{rules}</script>front'
    page.route(f"{collector.url}/front", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{collector.url}/front")
    until(lambda: "Ready" in told or page.wait_for_timeout(50))
    assert who(page) is None
    page.evaluate(f"location.href = {json.dumps(link)}")
    page.wait_for_url(f"{collector.url}/")
    until(lambda: "Success" in told or page.wait_for_timeout(50))
    assert who(page)["name"] == "cyd"


def test_a_prerendered_page_waits_until_it_is_shown(collector: Collector, browser: Any) -> None:
    """Prerendering is switched off under a test driver, so the page is told that it is prerendered."""
    link = collector.new_link("dot")
    page = browser.new_context().new_page()
    page.add_init_script("Object.defineProperty(document, 'prerendering', {value: true, configurable: true})")
    page.goto(link)
    page.wait_for_timeout(500)
    assert page.url == link and who(page) is None
    page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    page.wait_for_url(f"{collector.url}/")
    assert who(page)["name"] == "dot"


def test_another_sites_form_signs_nobody_in(collector: Collector, browser: Any) -> None:
    link = collector.new_link("dan")
    form = (
        f'<form method="post" action="{collector.url}/api/enter"><input name="code" value="{link.rsplit("/", 1)[1]}">'
        "</form><script>document.forms[0].submit()</script>"
    )

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(form.encode())

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_context().new_page()
    page.goto(f"http://localhost:{server.server_port}/")
    page.wait_for_url(f"{collector.url}/api/enter")
    assert "page-header-missing" in page.content()
    assert page.context.cookies() == []
    server.shutdown()
