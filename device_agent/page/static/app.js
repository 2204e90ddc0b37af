// The session page: one snapshot in, one screen out; presses go to the device, which alone decides what happens.

import { listenForKeys } from "./keys.js";
import { listen, send, sendUntilHeard, take } from "./link.js";
import { Picture } from "./picture.js";
import { $, Meter, buildConsent, put, show, showEnded, showFailed, showHeader, showRec, showScreen, showWork } from "./screen.js";
import { ENDED, placeOf, primaryOf, spoken, stopWords, viewOf } from "./view.js";
import { AGREE, CHOOSE, CHOOSE_ONE, LOST, LOST_ENDED, STOP_UNHEARD, UNHEARD } from "./words.js";

const NOTICE_MS = 8000;
const BUSY_MS = 1500;
const DEAD_MS = 600; // a second press of the same finger or key is not meant for what the button has become

let snapshot = null;
let place = "";
let consentOf = "";
let link = "waiting";
let busyAt = "";
let stopHeard = true; // the device answered the last press of STOP
let stopping = ""; // the session that STOP was chosen for, until the device has answered
let noticeTimer = 0;
let lastPress = { by: "", at: -Infinity, means: "" };
let wakeLock = null;
const meter = new Meter();
const picture = new Picture($("preview").firstElementChild);
const answerBox = $("answer-text");

// ---------------------------------------------------------------- out
const draftKey = () => `answer/${snapshot.session}/${snapshot.step?.id}`;

async function post(event, members = {}) {
  const reason = await send({ event, ...members }, UNHEARD);
  if (reason) notice(reason);
  return reason === null;
}

/** Post once a place: a second press, or one that comes late, never falls on what comes next. */
async function postOnce(event, members = {}) {
  const here = place;
  if (busyAt === here) return false;
  busyAt = here;
  const step = snapshot.state !== "consent" && snapshot.step ? { step: snapshot.step.id } : {};
  const taken = await post(event, { session: snapshot.session, ...step, ...members });
  if (!taken) busyAt = "";
  else setTimeout(() => { if (busyAt === here) busyAt = ""; }, BUSY_MS);
  return taken;
}

function notice(text, stays = false) {
  clearTimeout(noticeTimer);
  put($("notice"), text);
  show($("notice"), true);
  if (!stays) noticeTimer = setTimeout(() => show($("notice"), false), NOTICE_MS);
}

/** `by`: the finger or key. The button changes its meaning in place: a double tap counts once. */
function primary(by) {
  const button = snapshot && primaryOf(snapshot);
  if (!button) return;
  const [now, before] = [performance.now(), lastPress];
  const slip = before.by === by && before.means !== button[1] && now - before.at < DEAD_MS;
  lastPress = { by, at: now, means: slip ? before.means : button[1] };
  if (slip) return;
  if (button[1] === "answer") sendAnswer();
  else postOnce(button[1]);
}

async function sendAnswer() {
  if (!snapshot || !viewOf(snapshot).answering) return;
  const key = draftKey();
  if (!answerBox.value.trim()) {
    notice("Write an answer first.");
    answerBox.focus();
  } else if (await postOnce("answer", { text: answerBox.value })) {
    sessionStorage.removeItem(key);
  }
}

function pause() {
  if (snapshot?.state === "paused") primary("p");
  else if (snapshot && viewOf(snapshot).pause) post("pause");
}

async function stop() {
  if (!snapshot || !viewOf(snapshot).stop || $("stop-dialog").open) return;
  const dialog = $("stop-dialog");
  const session = snapshot.session;
  // Without a word from the device it may well be recording: then STOP ends the recording first, too.
  const records = link === "lost" || ["countdown", "recording"].includes(snapshot.state);
  dialog.dataset.paused = records ? "yes" : "no";
  dialog.returnValue = "";
  stopHeard = link !== "lost";
  showStopWords();
  dialog.showModal();
  // Whoever presses STOP wants the recording to end now, not after a question.
  if (records) await sendUntilHeard({ event: "pause", session }, () => dialog.open, () => showStopWords(false));
  showStopWords(true);
}

function showStopWords(heard = stopHeard) {
  stopHeard = heard;
  if (snapshot) put($("stop-text"), stopWords(snapshot.state, heard && link !== "lost"));
}

/** The dialog is closed, by a button, by Esc or because the session ended elsewhere. */
async function chosen() {
  const dialog = $("stop-dialog");
  if (dialog.returnValue === "stop") await stopForSure();
  else if (dialog.dataset.paused === "yes" && snapshot.state === "paused" && viewOf(snapshot).controls) await post("resume");
}

/** STOP is sent until the device has answered, however long the network is away. */
async function stopForSure() {
  const session = snapshot.session;
  stopping = session;
  const wanted = () => snapshot.session === session && !snapshot.failure && !ENDED.includes(snapshot.state);
  const reason = await sendUntilHeard({ event: "stop", session }, wanted, () => notice(STOP_UNHEARD, true));
  stopping = "";
  if (reason) notice(reason);
  else if (link === "live") show($("notice"), false);
}

async function takeOver() {
  const reason = await take(UNHEARD);
  if (reason) notice(reason);
}

function consent(agreed) {
  if (!viewOf(snapshot).asks) return;
  const granted = agreed ? switches().filter((input) => input.checked).map((input) => input.name) : [];
  if (agreed && !granted.length) {
    notice(CHOOSE_ONE);
    switches()[0].focus();
    return;
  }
  const refused = snapshot.consent_uses.filter((use) => !granted.includes(use));
  postOnce("consent", { granted, refused });
}

/** The button leads to the switches until one of them is on: on a phone they are below the text. */
function showAgree() {
  const chosen = switches().some((input) => input.checked);
  put($("agree"), chosen ? AGREE : CHOOSE);
  $("agree").classList.toggle("primary", chosen);
  $("agree").classList.toggle("plain", !chosen);
}

const switches = () => [...$("uses").querySelectorAll("input")];

// ---------------------------------------------------------------- in
function onSnapshot(next) {
  snapshot = next;
  const view = viewOf(next);
  if (next.state === "consent" && consentOf !== next.session + next.consent_text) {
    consentOf = next.session + next.consent_text;
    buildConsent(next);
  }
  showScreen(view.screen);
  document.body.dataset.state = next.state;
  document.title = `${view.rec.word} · ${next.title}`;
  showRec(view.rec);
  showHeader(view);
  if (view.screen === "work") showWork(view, next.language);
  if (view.ended) showEnded(view.ended);
  if (view.failed) showFailed(view.failed);
  meter.show(view.level, next.state === "recording");
  picture.show(view.looking, next.detections);
  showButtons(view);
  showStopWords();
  const here = placeOf(next);
  if (here !== place) arrive(here, view);
}

function showButtons(view) {
  for (const name of ["decline", "agree", "allow-all"]) show($(name), view.asks);
  showAgree();
  for (const input of switches()) input.disabled = !view.asks;
  show($("watching"), view.watching);
  show($("pause"), view.stop);
  $("pause").classList.toggle("empty", !view.pause);
  show($("primary"), view.stop);
  $("primary").classList.toggle("empty", !view.primary);
  if (view.primary) put($("primary-word"), view.primary[0]);
  put($("primary-key"), snapshot.state === "answering" ? "Ctrl Enter" : "Enter");
  show($("stop"), view.stop);
}

/** The session is somewhere else than a moment ago: say it, put the focus where the next thing happens. */
function arrive(here, view) {
  const before = place;
  place = here;
  busyAt = "";
  show($("notice"), !view.failed && (link === "lost" || stopping !== ""));
  put($("live"), spoken(snapshot, view));
  keepAwake(view.screen === "work");
  if ($("stop-dialog").open && view.screen !== "work") $("stop-dialog").close();
  if (snapshot.state === "answering") {
    answerBox.value = sessionStorage.getItem(draftKey()) ?? "";
    answerBox.lang = snapshot.language;
    if (!$("stop-dialog").open) answerBox.focus();
  } else if (["consent", "ended", "failed"].includes(view.screen)) {
    $(`${view.screen}-title`).focus({ preventScroll: false });
  } else if (before && !$("stop-dialog").open) {
    document.activeElement?.blur?.();
  }
}

function onLink(next) {
  if (next === link) return;
  link = next;
  if (next === "shut") return location.reload();
  showStopWords();
  if (next === "live") return stopping ? undefined : show($("notice"), false);
  if (snapshot && ENDED.includes(snapshot.state)) {
    if (snapshot.uploads_pending) notice(LOST_ENDED, true);
    return;
  }
  if (snapshot?.failure) return; // the page says why the agent ended
  notice(stopping ? STOP_UNHEARD : LOST, true);
  if (!snapshot) return;
  picture.show(false, []);
  showRec({ shape: "doubt", word: "Device does not answer" });
}

/** A phone that goes dark in the middle of a prompt helps nobody; where the browser cannot, nothing is lost. */
async function keepAwake(wanted) {
  if (wanted && !wakeLock && "wakeLock" in navigator && !document.hidden) {
    wakeLock = await navigator.wakeLock.request("screen").catch(() => null);
    wakeLock?.addEventListener("release", () => { wakeLock = null; });
  } else if (!wanted) {
    wakeLock?.release();
  }
}

// ---------------------------------------------------------------- wiring
$("agree").addEventListener("click", () => consent(true));
$("uses").addEventListener("change", showAgree);
$("decline").addEventListener("click", () => consent(false));
$("allow-all").addEventListener("click", () => {
  for (const input of switches()) input.checked = true;
  showAgree();
  $("agree").focus();
});
$("take-over").addEventListener("click", takeOver);
$("primary").addEventListener("click", () => primary("tap"));
$("pause").addEventListener("click", pause);
$("stop").addEventListener("click", stop);
$("stop-no").addEventListener("click", () => $("stop-dialog").close(""));
$("stop-yes").addEventListener("click", () => $("stop-dialog").close("stop"));
$("stop-dialog").addEventListener("close", chosen);
$("answer").addEventListener("submit", (event) => event.preventDefault());
answerBox.addEventListener("input", () => snapshot && sessionStorage.setItem(draftKey(), answerBox.value));
listenForKeys({ primary, pause, stop, send: sendAnswer });
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && snapshot) keepAwake(viewOf(snapshot).screen === "work");
});
listen(onSnapshot, onLink);
