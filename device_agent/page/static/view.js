// What a snapshot looks like: pure functions from the device's words to the page's, no document here.

import { LEADS, STOP_ENDING, STOP_PAUSED, STOP_QUIET, STOP_UNHEARD, endedWords, failedWords, isTyped, operatorWords, stepHint } from "./words.js";

export const ENDED = ["finished", "stopped", "refused"];
const RECORDS_PICTURE = ["video", "image"];
const LEVEL_FLOOR = -60;
const QUIET_BELOW = -42;
const LOUD_ABOVE = -8;

/** "quiet" | "good" | "loud" of a level in dBFS (RMS of a moment, held for a while by the caller). */
export function levelWord(dbfs) {
  if (dbfs < QUIET_BELOW) return "quiet";
  return dbfs > LOUD_ABOVE ? "loud" : "good";
}

/** Part of the meter that is lit, 0..1. */
export const levelPart = (dbfs) => Math.min(1, Math.max(0, 1 - dbfs / LEVEL_FLOOR));

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export const placeOf = (snapshot) => `${snapshot.session}/${snapshot.failure ? "failed" : snapshot.state}/${snapshot.step?.id}/${snapshot.attempt}`;

/** The button that Enter and Space press: [word, event] or null. A screen that only watches has none. */
export function primaryOf(snapshot) {
  if (snapshot.controls === false || snapshot.failure) return null;
  switch (snapshot.state) {
    case "ready": return ["Start", "start"];
    case "recording": return snapshot.step?.kind === "show" ? null : ["Done", "done"];
    case "answering": return ["Send", "answer"];
    case "paused": return ["Continue", "resume"];
    default: return null;
  }
}

function recOf(snapshot) {
  if (snapshot.failure) return { shape: "ring", word: "Not recording" };
  if (snapshot.state === "recording") return { shape: "dot", word: `REC ${clock(snapshot.elapsed_seconds)}` };
  if (snapshot.state === "paused") return { shape: "bars", word: "Paused" };
  return { shape: "ring", word: "Not recording" };
}

/** The ring: how long the step takes, then the seconds that are left. It keeps its place, so nothing jumps. */
function timerOf(snapshot) {
  const { state, step, remaining_seconds: left } = snapshot;
  const still = step?.kind === "show";
  if (!step || isTyped(step)) return null;
  if (state === "ready") {
    const seconds = Math.round(still ? step.countdown_seconds : step.seconds);
    return { part: 0, seconds, word: seconds === 1 ? "second" : "seconds" };
  }
  if (state !== "countdown" && (state !== "recording" || still)) return null;
  const whole = state === "countdown" ? step.countdown_seconds : step.seconds;
  const seconds = Math.max(0, Math.ceil(left - 0.05));
  return {
    part: whole > 0 ? Math.min(1, Math.max(0, left / whole)) : 0,
    seconds,
    word: state === "countdown" ? "get ready" : seconds === 1 ? "second" : "seconds",
  };
}

/** The sentence to be read aloud stands alone and large; what leads to it stands above it. */
function toSay(step) {
  const quoted = `“${step.expected}”`;
  if (!step.prompt.includes(step.expected)) return { lead: step.prompt, prompt: quoted };
  if (!step.prompt.endsWith(step.expected)) return { lead: LEADS.say, prompt: step.prompt };
  return { lead: step.prompt.slice(0, -step.expected.length).trim() || LEADS.say, prompt: quoted };
}

function wordsOf(snapshot) {
  const { state, step } = snapshot;
  if (!step) return { lead: "", prompt: "", hint: "" };
  const words = { lead: LEADS[step.kind], prompt: step.prompt, hint: "" };
  if (step.kind === "say" && step.expected) Object.assign(words, toSay(step));
  if (state === "ready") words.hint = stepHint(step, snapshot.granted);
  // `attempt` counts the tries begun: one before Start means that this step is to be done again.
  if (state === "ready" && snapshot.attempt > 0) words.hint = `Please do this step again. ${words.hint}`;
  if (state === "paused") words.hint = "Nothing is being recorded. Take your time.";
  if (state === "saving") words.hint = "Saving …";
  if (state === "recording" && step.kind === "show") words.hint = "Hold still …";
  return words;
}

function seesOf(snapshot) {
  if (snapshot.state === "paused") return "The picture is off while you pause.";
  const names = [...new Set(snapshot.detections.map((row) => row.label))];
  return names.length ? `The device sees: ${names.join(", ")}` : "The device does not recognise anything.";
}

/** What the question of STOP may claim: only what the device has answered. `heard`: it answers, and took the press. */
export function stopWords(state, heard) {
  if (!heard) return STOP_UNHEARD;
  if (state === "paused") return STOP_PAUSED;
  return ["countdown", "recording"].includes(state) ? STOP_ENDING : STOP_QUIET;
}

function screenOf({ state, failure }) {
  if (ENDED.includes(state)) return "ended";
  if (failure) return "failed";
  return state === "consent" ? "consent" : "work";
}

export function viewOf(snapshot) {
  const { state, step } = snapshot;
  const screen = screenOf(snapshot);
  const works = screen === "work";
  const filmed = step?.record.some((medium) => RECORDS_PICTURE.includes(medium) && snapshot.granted.includes(medium));
  const heard = step?.record.includes("audio") && snapshot.granted.includes("audio");
  const controls = snapshot.controls !== false;
  return {
    screen,
    controls,
    asks: screen === "consent" && controls,
    watching: ["consent", "work"].includes(screen) && !controls,
    rec: recOf(snapshot),
    where: { title: works ? snapshot.title : "", step: works && snapshot.step_number ? `step ${snapshot.step_number} of ${snapshot.step_count}` : "" },
    progress: snapshot.state === "finished" ? 1 : Math.max(0, snapshot.step_number - 1) / Math.max(1, snapshot.step_count),
    offline: snapshot.collector_reachable === false,
    message: snapshot.message,
    words: wordsOf(snapshot),
    timer: timerOf(snapshot),
    level: heard && snapshot.level_dbfs !== null && ["ready", "countdown", "recording"].includes(state) ? snapshot.level_dbfs : null,
    gauges: step !== null && !isTyped(step),
    picture: Boolean(works && filmed && (snapshot.preview || state === "paused")),
    looking: Boolean(works && filmed && snapshot.preview && state !== "paused"),
    answering: works && state === "answering" && controls,
    pause: works && ["ready", "countdown", "recording", "answering"].includes(state),
    primary: primaryOf(snapshot),
    stop: works,
    ended: screen === "ended" ? endedWords(snapshot) : null,
    failed: screen === "failed" ? failedWords(snapshot) : null,
    operator: operatorWords(snapshot.facts),
    sees: seesOf(snapshot),
  };
}

/** What a screen reader is told when the place changes. */
export function spoken(snapshot, view) {
  if (view.failed) return `${view.failed.title}. ${view.failed.what} ${view.failed.why}`;
  switch (snapshot.state) {
    case "ready": return `Step ${snapshot.step_number} of ${snapshot.step_count}. ${view.words.lead} ${view.words.prompt} ${view.words.hint}`;
    case "countdown": return `Get ready. ${Math.round(snapshot.step?.countdown_seconds ?? 0)} seconds.`;
    case "recording": return "Recording.";
    case "answering": return `${view.words.lead} ${view.words.prompt}`;
    case "saving": return "Recording has ended.";
    case "paused": return "Paused. Nothing is being recorded.";
    case "consent": return "";
    default: return `${view.ended.title} ${view.ended.takes}`;
  }
}
