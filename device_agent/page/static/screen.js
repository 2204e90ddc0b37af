// Puts a view into the document. Only text is ever set, never markup.

import { USES } from "./words.js";
import { levelPart, levelWord } from "./view.js";

export const $ = (id) => document.getElementById(id);
const BARS = 14;
const HOLD_MS = 1500;

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/** Build what depends on the script only: consent text and one switch a use. */
export function buildConsent(snapshot) {
  put($("consent-title"), snapshot.title);
  const text = $("consent-text");
  for (const node of [text, $("consent-title")]) Object.assign(node, { lang: snapshot.language, dir: "auto" });
  text.replaceChildren(...blocks(snapshot.consent_text));
  $("uses").replaceChildren(...snapshot.consent_uses.map(useSwitch));
}

/** Paragraphs and lists of a plain text: a line that begins with "- " is a point, the rest runs together. */
function blocks(text) {
  const nodes = [];
  for (const block of text.trim().split(/\n\s*\n/)) {
    for (const row of block.split("\n")) {
      const line = row.trim();
      const point = /^[-*•]\s+(.*)/.exec(line);
      const last = nodes.at(-1);
      if (point) {
        const list = last?.tagName === "UL" ? last : element("ul");
        list.append(element("li", {}, point[1]));
        if (list !== last) nodes.push(list);
      } else if (last?.tagName === "UL" && /^\s/.test(row)) {
        last.lastElementChild.textContent += ` ${line}`;
      } else if (last?.tagName === "P" && last.open) {
        last.textContent += ` ${line}`;
      } else {
        nodes.push(Object.assign(element("p", {}, line), { open: true }));
      }
    }
    if (nodes.length) nodes.at(-1).open = false;
  }
  return nodes;
}

function useSwitch(use) {
  const [name, what] = USES[use];
  const input = element("input", { type: "checkbox", role: "switch", name: use, id: `use-${use}` });
  input.setAttribute("aria-describedby", `use-${use}-what`);
  const words = element("span", { className: "what" });
  words.append(element("b", {}, name), element("small", { id: `use-${use}-what` }, what));
  const label = element("label", { className: "use" });
  const state = element("span", { className: "state" });
  state.setAttribute("aria-hidden", "true");
  label.append(input, words, state);
  return label;
}

function element(name, members = {}, text = "") {
  const node = Object.assign(document.createElement(name), members);
  if ("role" in members) node.setAttribute("role", members.role);
  if (text) node.textContent = text;
  return node;
}

export function showScreen(name) {
  document.body.dataset.screen = name;
  for (const section of document.querySelectorAll("main > section")) show(section, section.id === name);
}

export function showRec(rec) {
  $("rec").dataset.shape = rec.shape;
  put($("rec-word"), rec.word);
}

export function showHeader(view) {
  put($("title"), view.where.title);
  put($("step"), view.where.step);
  show($("net"), view.offline);
  $("progress").firstElementChild.style.transform = `scaleX(${view.progress})`;
  show($("message"), Boolean(view.message));
  put($("message"), view.message ?? "");
  show($("operator"), view.operator !== "" && !view.failed);
  put($("operator-words"), view.operator);
}

export function showWork(view, language) {
  $("words").lang = language;
  for (const name of ["lead", "prompt", "hint"]) $(name).dir = "auto";
  put($("lead"), view.words.lead);
  put($("prompt"), view.words.prompt);
  $("prompt").classList.toggle("long", view.words.prompt.length > 90);
  put($("hint"), view.words.hint);
  $("timer").classList.toggle("empty", !view.timer);
  if (view.timer) {
    put($("seconds"), String(view.timer.seconds));
    put($("timer-word"), view.timer.word);
    $("arc").style.strokeDashoffset = String(100 * (1 - view.timer.part));
  }
  show($("answer"), view.answering);
  show($("gauges"), view.gauges);
  show($("preview"), view.picture);
  put($("sees"), view.sees);
  $("preview").firstElementChild.setAttribute("aria-label", `Camera picture. ${view.sees}`);
}

export function showEnded(words) {
  put($("ended-title"), words.title);
  put($("ended-takes"), words.takes);
  put($("ended-sending"), words.sending);
  put($("ended-close"), words.close);
}

export function showFailed(words) {
  for (const name of ["title", "what", "why", "next", "code"]) put($(`failed-${name}`), words[name]);
}

/** The loudness meter. Its word holds the loudest of the last moments, so that it does not flicker between words. */
export class Meter {
  #loudest = -Infinity;
  #since = 0;

  constructor() {
    $("bars").replaceChildren(...Array.from({ length: BARS }, (_, index) => {
      const bar = document.createElement("i");
      bar.style.height = `${20 + (80 * (index + 1)) / BARS}%`;
      return bar;
    }));
  }

  /** `judged`: say in a word whether the loudness is right; before a recording it only moves. */
  show(dbfs, judged) {
    $("meter").classList.toggle("empty", dbfs === null);
    if (dbfs === null) return;
    const now = performance.now();
    if (!judged) this.#loudest = -Infinity;
    else if (dbfs >= this.#loudest || now - this.#since > HOLD_MS) [this.#loudest, this.#since] = [dbfs, now];
    const word = judged ? levelWord(this.#loudest) : "";
    const lit = Math.round(levelPart(dbfs) * BARS);
    [...$("bars").children].forEach((bar, index) => bar.classList.toggle("lit", index < lit));
    $("meter").dataset.word = word;
    put($("meter-word"), { quiet: "quiet", good: "good ✓", loud: "too loud !" }[word] ?? "");
    $("meter").setAttribute("aria-valuenow", String(Math.round(Math.min(0, Math.max(-60, dbfs)))));
    $("meter").setAttribute("aria-valuetext", word || "not judged yet");
  }
}
