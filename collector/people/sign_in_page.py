"""The small page behind `/enter/CODE`: looking at it uses nothing up.

A mail scanner, a chat's preview, a browser's prefetch and its prerender all fetch links before a person opens them.
So the code is used only by a POST, which the script makes once the page is really shown: a prerendered page runs
scripts too, therefore it waits for `prerenderingchange`, and a page in a hidden tab waits until it is visible.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

_SCRIPT = """
const say = (text) => { document.getElementById("say").textContent = text; };
const button = document.getElementById("go");
async function go() {
  button.disabled = true;
  try {
    const reply = await fetch("/api/enter", {
      method: "POST", credentials: "same-origin",
      headers: {"Content-Type": "application/json", "X-Gleaner-Page": "1"},
      body: JSON.stringify({code: document.querySelector("input[name=code]").value}),
    });
    if (reply.ok) { location.replace("/"); return; }
    const problem = await reply.json();
    say(problem.title + " " + problem.hint);
    if (problem.retryable) button.disabled = false; else button.hidden = true;
  } catch (error) {
    say("The collector cannot be reached. Look at the network, then press the button.");
    button.disabled = false;
  }
}
document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); go(); });
function whenVisible() {
  if (document.visibilityState === "visible") { go(); return; }
  document.addEventListener("visibilitychange", function seen() {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", seen);
    go();
  });
}
if (document.prerendering) document.addEventListener("prerenderingchange", whenVisible, {once: true});
else whenVisible();
"""
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 20vh auto; max-width: 26rem; padding: 0 1rem; }
button { font: inherit; padding: .75rem 1.5rem; min-height: 3rem; }
"""


def _source_hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src {_source_hash(_SCRIPT)}; style-src {_source_hash(_STYLE)}; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def sign_in_page(code: str) -> str:
    """The page as HTML. Without scripts its button posts the code as a form."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Gleaner</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Gleaner</h1>
<p id="say" role="status">This link opens the review page once.</p>
<form method="post" action="/api/enter">
<input type="hidden" name="code" value="{escape(code, quote=True)}">
<button id="go">Open the page</button>
</form>
<noscript><p>The review page itself needs scripts.</p></noscript>
<script>{_SCRIPT}</script>
</body>
</html>
"""
