// The one place that talks to the device: snapshots come in, events go out.

import { ENDED } from "./view.js";

const SILENT_MS = 5000;
const RETRY_MS = 1000;

/** Listen for snapshots until the page goes, also of an agent that comes back. `onSnapshot(snapshot)`, `onLink("live" | "lost" | "shut")`. */
export function listen(onSnapshot, onLink) {
  let source = null;
  let heard = performance.now();
  let retry = 0;
  let ended = false;

  const open = () => {
    source?.close();
    source = new EventSource("/api/stream");
    source.addEventListener("snapshot", (event) => {
      heard = performance.now();
      onLink("live");
      const snapshot = JSON.parse(event.data);
      ended = ENDED.includes(snapshot.state);
      onSnapshot(snapshot);
    });
    source.addEventListener("error", () => {
      onLink("lost");
      if (ended) {
        source.close(); // the device ends with its session; its next one has a key of its own
        return;
      }
      // A browser gives up for good after an answer that is not a stream; this page does not.
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(retry);
        retry = setTimeout(async () => ((await isShut()) ? onLink("shut") : open()), RETRY_MS);
      }
    });
  };

  open();
  setInterval(() => {
    if (performance.now() - heard > SILENT_MS) onLink("lost");
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    if (!ended && !document.hidden && performance.now() - heard > SILENT_MS) open();
  });
}

async function isShut() {
  try {
    return (await fetch("/api/snapshot")).status === 401;
  } catch {
    return false;
  }
}

const NO_ANSWER = Symbol("no answer");

/**
 * Send an event until the device has answered, as long as `wanted()`. `onUnheard()` is called after every try without an
 * answer. Returns null when the device took it or it is wanted no more, else one sentence that says why not.
 */
export async function sendUntilHeard(event, wanted, onUnheard) {
  while (wanted()) {
    const reason = await send(event, NO_ANSWER);
    if (reason !== NO_ANSWER) return reason;
    onUnheard();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return null;
}

/** Send an event. Returns null when the device took it, else one sentence that says why not. */
export const send = (event, unheard) => post("/api/events", event, unheard);

/** Run the session from this screen from now on. Returns the same as `send`. */
export const take = (unheard) => post("/api/control", {}, unheard);

async function post(address, body, unheard) {
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Gleaner-Page": "1" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(4000),
    });
  } catch {
    return unheard;
  }
  if (response.ok) return null;
  const problem = await response.json().catch(() => null);
  return problem?.title ? `${problem.title} ${problem.hint ?? ""}`.trim() : unheard;
}
