// Every word of the page, for people of any age: short, plain, nothing technical.

export const USES = {
  video: ["Video", "The camera records while a step runs."],
  audio: ["Sound", "The microphone records while a step runs."],
  image: ["Photos", "The camera takes a photo of what you hold up."],
  text: ["What you type", "Your typed answers are saved."],
};

export const LEADS = { say: "Say:", do: "Do this:", show: "Show this:", answer: "Answer:" };

/** Whether a step is done by typing; a spoken answer is recorded like every other step. */
export const isTyped = (step) => step.kind === "answer" && step.record.includes("text");

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

/** "video and sound", "video, sound and photos". */
export function listed(media) {
  const names = media.map((medium) => USES[medium][0].toLowerCase());
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** What will happen when Start is pressed, and what was refused. */
export function stepHint(step, granted) {
  const kept = step.record.filter((medium) => granted.includes(medium));
  const refused = step.record.filter((medium) => !granted.includes(medium));
  const without = refused.length ? ` No ${listed(refused).replaceAll(" and ", " or ")}: you said no to that.` : "";
  if (isTyped(step)) return `Press Start, then type.${without}`;
  if (!kept.length) return `Nothing is recorded here.${without}`;
  const wait = Math.round(step.countdown_seconds);
  if (step.kind === "show") return wait ? `The camera takes one photo after a ${wait} s countdown.${without}` : `The camera takes one photo.${without}`;
  const starts = wait ? `starts after a ${wait} s countdown` : "starts immediately";
  return `Recording of ${listed(kept)} ${starts} and lasts ${Math.round(step.seconds)} s.${without}`;
}

export function endedWords(snapshot) {
  const takes = snapshot.takes_closed;
  const title = { finished: "Thank you!", stopped: "The session is stopped", refused: "That is all right" }[snapshot.state];
  if (snapshot.state === "refused") {
    return { title, takes: "Nothing was recorded.", sending: "", close: "You can close this page." };
  }
  const left = snapshot.step_count - takes;
  const every = left ? `${plural(left, "step was", "steps were")} skipped because of what you did not allow.` : takes === 1 ? "You finished the step." : `You finished all ${takes} steps.`;
  const kept = snapshot.state === "stopped" ? "What was recorded before that is saved." : every;
  const count = takes ? kept : "Nothing was recorded.";
  const pending = snapshot.uploads_pending;
  const aside = snapshot.facts?.set_aside ?? 0;
  let sending = takes ? "Everything has been saved." : "";
  let close = "You can close this page.";
  if (pending) {
    sending = `${plural(pending, "recording is", "recordings are")} still being sent.`;
    close = "Please leave the device on. You can close this page.";
    if (snapshot.collector_reachable === false) {
      sending = `There is no connection right now. ${plural(pending, "recording is", "recordings are")} saved on this device and will be sent later.`;
    }
  } else if (aside) {
    sending = `${plural(aside, "recording", "recordings")} could not be sent and stay on this device. Please tell the people who run the study.`;
  }
  return { title, takes: count, sending, close };
}

/** The agent has ended before its session: what that means here, why, and how the session goes on. */
export function failedWords({ failure, state }) {
  const begun = state !== "consent";
  return {
    title: "The session is interrupted",
    what: `Nothing is being recorded. ${begun ? "What was recorded is saved on the device. " : ""}Please ask the people who run the study.`,
    why: `${failure.message} ${failure.hint}`.trim(),
    next: begun
      ? "When that is done, run the same command again on the device. This page continues the session then; nobody is asked for consent again."
      : "When that is done, run the same command again on the device, and open the address that it prints.",
    code: `code ${failure.code}`,
  };
}

/** What goes wrong while the session goes on, in the words for operators. */
export const operatorWords = ({ operator_message: message, operator_code: code }) =>
  message ? `${message}${code ? ` (code ${code})` : ""}` : "";

export const STOP_PAUSED = "Recording is paused while you choose. If you go on, this step starts again.";
export const STOP_ENDING = "Ending the recording …";
export const STOP_QUIET = "Nothing is being recorded right now. What was recorded before is saved.";
export const LOST =
  "The device does not answer. It may have stopped recording. Trying again … " +
  "For the people who run the study: check its power and its network, then what “gleaner agent run” printed on it. The same command continues the session.";
export const LOST_ENDED = "The device has ended this page. What has not been sent yet is saved on it.";
export const UNHEARD = "The device did not receive this. Press again when it answers.";
export const STOP_UNHEARD =
  "The device has not answered yet and may still be recording. This page keeps trying. To be sure, unplug the device: what was recorded is not lost.";
export const AGREE = "I agree";
export const CHOOSE = "Choose what to allow";
export const CHOOSE_ONE = "Allow at least one of them, or choose “No, thank you”.";
