/** Every action has a key, every key is shown. One table; the page's keyboard and its help are both made from it. */
import type { TaskType, TaskView } from "../api/types";

/** What the keys work on: a task's type, or a text task whose text stands in a picture or was spoken. */
export type Surface = TaskType | "reading" | "spoken";

export function surfaceOf(view: TaskView): Surface {
  const labels = (medium: string): boolean => view.captures.some((c) => c.role === "labelled" && c.medium === medium);
  if (view.type !== "text") return view.type;
  return labels("image") ? "reading" : labels("audio") ? "spoken" : "text";
}

export type Command =
  | "submit"
  | "next-label"
  | "previous-label"
  | "reject"
  | "draw"
  | "undo"
  | "redo"
  | "back"
  | "skip"
  | "return"
  | "keys"
  | "leave"
  | "theme"
  | "zoom"
  | "tags"
  | "digit"
  | "names"
  | "up"
  | "down"
  | "left"
  | "right"
  | "edge"
  | "confirm"
  | "play"
  | "frame-back"
  | "frame-on"
  | "frames-back"
  | "frames-on"
  | "first-frame"
  | "last-frame"
  | "keyframe-before"
  | "keyframe-after"
  | "keyframe"
  | "keyframe-delete"
  | "keyframe-earlier"
  | "keyframe-later"
  | "hidden"
  | "occluded"
  | "take-expected"
  | "write"
  | "edge-start"
  | "edge-end"
  | "split"
  | "play-all"
  | "second-back"
  | "second-on"
  | "slower"
  | "faster"
  | "wider"
  | "narrower"
  | "language"
  | "take-again";

export interface Stroke {
  command: Command;
  /** 1 to 9 for `digit`. */
  digit: number;
  /** Shift was held: ten times as far. */
  far: boolean;
}

interface Binding {
  /** `KeyboardEvent.key`, letters in lower case. */
  key: string;
  shift?: boolean;
  ctrl?: boolean;
  command: Command;
  /** Also works while a text field has the keys; every other key types there. */
  writing?: boolean;
  /** What it works on; everything when absent. */
  on?: readonly Surface[];
  /** How the key is written in the help; null: not listed on its own. */
  shown: string | null;
  says: string;
}

const pictures: readonly Surface[] = ["boxes", "tracks"];
const stills: readonly Surface[] = ["boxes", "reading"];
const seen: readonly Surface[] = ["boxes", "tracks", "reading"];
const video: readonly Surface[] = ["tracks"];
const regions: readonly Surface[] = ["speech"];
const spoken: readonly Surface[] = ["spoken"];
const sound: readonly Surface[] = ["speech", "spoken"];
const timed: readonly Surface[] = ["tracks", "speech", "spoken"];
const written: readonly Surface[] = ["speech", "text", "reading", "spoken"];
const languages: readonly Surface[] = ["text", "reading", "spoken"];

export const BINDINGS: readonly Binding[] = [
  { key: "Enter", command: "submit", shown: "Enter", says: "accept all labels, next item" },
  {
    key: "Enter",
    ctrl: true,
    writing: true,
    command: "submit",
    shown: "Ctrl Enter",
    says: "the same, while writing in a text field",
  },
  { key: "Tab", writing: true, command: "next-label", shown: "Tab", says: "next least certain label" },
  { key: "Tab", shift: true, writing: true, command: "previous-label", shown: "Shift Tab", says: "previous label" },
  { key: "Delete", command: "reject", shown: "Delete", says: "reject the selected label" },
  { key: "Backspace", command: "reject", shown: null, says: "reject the selected label" },
  { key: "x", command: "reject", shown: "X", says: "same as Delete" },
  { key: "0", command: "names", shown: "0", says: "search all names" },
  { key: "n", command: "draw", shown: "N", says: "new label" },
  { key: "u", command: "undo", shown: "U", says: "undo" },
  { key: "u", shift: true, command: "redo", shown: "Shift U", says: "redo" },
  { key: "z", ctrl: true, command: "undo", shown: null, says: "undo" },
  { key: "z", ctrl: true, shift: true, command: "redo", shown: null, says: "redo" },
  { key: "b", command: "back", shown: "B", says: "reopen the item you submitted or skipped last (up to 20)" },
  { key: "s", command: "skip", shown: "S", says: "skip this item" },
  { key: "r", command: "return", shown: "R", says: "release my items and take a break" },
  { key: "a", command: "take-again", shown: "A", says: "reopen an item that went to someone else" },
  { key: "?", command: "keys", shown: "?", says: "show or hide this list" },
  { key: "Escape", writing: true, command: "leave", shown: "Esc", says: "leave a field, a drawing or a dialog" },
  { key: "d", command: "theme", shown: "D", says: "theme: light, dark, system" },

  { key: " ", command: "confirm", on: stills, shown: "Space", says: "set a corner while drawing with the keyboard" },
  {
    key: "e",
    command: "edge",
    on: pictures,
    shown: "E then ← ↑ → ↓",
    says: "choose an edge to move; E again: move the whole box",
  },
  { key: "z", command: "zoom", on: seen, shown: "Z", says: "zoom to the selected label, and back" },
  { key: "t", command: "tags", on: seen, shown: "T", says: "hide or show the names on the picture" },
  { key: "ArrowLeft", command: "left", shown: null, says: "left" },
  { key: "ArrowRight", command: "right", shown: null, says: "right" },
  { key: "ArrowUp", command: "up", shown: null, says: "up" },
  { key: "ArrowDown", command: "down", shown: null, says: "down" },

  { key: " ", command: "play", on: timed, shown: "Space", says: "play and pause" },
  {
    key: " ",
    ctrl: true,
    writing: true,
    command: "play",
    on: sound,
    shown: "Ctrl Space",
    says: "the same, while writing in a text field",
  },
  {
    key: " ",
    shift: true,
    command: "play-all",
    on: regions,
    shown: "Shift Space",
    says: "play everything from the playhead",
  },
  { key: " ", shift: true, command: "play-all", on: spoken, shown: "Shift Space", says: "play from the start" },
  {
    key: ",",
    ctrl: true,
    writing: true,
    command: "second-back",
    on: sound,
    shown: "Ctrl , Ctrl .",
    says: "one second back or forward, also in a text field",
  },
  { key: ".", ctrl: true, writing: true, command: "second-on", on: sound, shown: null, says: "one second forward" },
  { key: "<", command: "slower", on: sound, shown: "<", says: "slower" },
  { key: ">", command: "faster", on: sound, shown: ">", says: "faster" },
  { key: ",", command: "frame-back", on: video, shown: ",", says: "one frame back" },
  { key: ".", command: "frame-on", on: video, shown: ".", says: "one frame forward" },
  { key: "<", command: "frames-back", on: video, shown: "<", says: "ten frames back" },
  { key: ">", command: "frames-on", on: video, shown: ">", says: "ten frames forward" },
  { key: "PageUp", command: "frames-back", on: video, shown: null, says: "ten frames back" },
  { key: "PageDown", command: "frames-on", on: video, shown: null, says: "ten frames forward" },
  { key: "Home", command: "first-frame", on: timed, shown: "Home", says: "to the start" },
  { key: "End", command: "last-frame", on: timed, shown: "End", says: "to the end" },
  { key: "[", command: "keyframe-before", on: video, shown: "[", says: "previous keyframe" },
  { key: "]", command: "keyframe-after", on: video, shown: "]", says: "next keyframe" },
  { key: "k", command: "keyframe", on: video, shown: "K", says: "set a keyframe here" },
  { key: "k", shift: true, command: "keyframe-delete", on: video, shown: "Shift K", says: "remove the keyframe here" },
  { key: "{", command: "keyframe-earlier", on: video, shown: "{", says: "move the keyframe one frame earlier" },
  { key: "}", command: "keyframe-later", on: video, shown: "}", says: "move the keyframe one frame later" },
  { key: "h", command: "hidden", on: video, shown: "H", says: "hide the track from this frame on, or show it again" },
  { key: "o", command: "occluded", on: video, shown: "O", says: "mark as covered from this frame on, or not covered" },

  { key: "e", command: "take-expected", on: regions, shown: "E", says: "use the expected text" },
  { key: "w", command: "write", on: written, shown: "W", says: "write the text" },
  { key: "[", command: "edge-start", on: regions, shown: "[", says: "arrows move the start" },
  { key: "]", command: "edge-end", on: regions, shown: "]", says: "arrows move the end" },
  { key: "c", command: "split", on: regions, shown: "C", says: "split the region at the playhead" },
  { key: "+", command: "wider", on: timed, shown: "+", says: "zoom in on the timeline" },
  { key: "=", command: "wider", on: timed, shown: null, says: "zoom in on the timeline" },
  { key: "-", command: "narrower", on: timed, shown: "-", says: "zoom out of the timeline" },
  { key: "l", command: "language", on: languages, shown: "L", says: "choose the language" },
];

export interface Pressed {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** The place of the key, whatever its layout writes there. */
  code?: string;
}

/** The command of a key press, or null when the page leaves it to the browser. */
export function strokeFor(press: Pressed, type: Surface | null, inField: boolean): Stroke | null {
  // AltGr (Ctrl and Alt at once on Windows) and Option write signs on many keyboards: the sign counts, not how it is made.
  const made = press.altKey && /^[^\w\s]$/.test(press.key);
  if (press.altKey && !made) return null;
  const key = letterOf(press);
  const ctrl = !made && (press.ctrlKey || press.metaKey);
  const digit = !inField && !ctrl && !made && /^[1-9]$/.test(key) ? Number(key) : 0;
  if (digit > 0) return { command: "digit", digit, far: false };
  const arrow = key.startsWith("Arrow");
  // A sign is the sign it is, whether or not this keyboard needs Shift for it.
  const sign = key.length === 1 && key !== " " && !/[a-z]/.test(key);
  const found = BINDINGS.find(
    (b) =>
      b.key === key &&
      (!inField || b.writing === true) &&
      (arrow || sign || (b.shift ?? false) === press.shiftKey) &&
      (b.ctrl ?? false) === ctrl &&
      (b.on === undefined || (type !== null && b.on.includes(type))),
  );
  if (found) return { command: found.command, digit: 0, far: arrow && press.shiftKey };
  // French keyboards write digits with Shift only: without it the place of the key decides.
  const place = !inField && !ctrl && !made && !press.shiftKey ? /^Digit(\d)$/.exec(press.code ?? "") : null;
  if (!place) return null;
  return place[1] === "0" ? { command: "names", digit: 0, far: false } : { command: "digit", digit: Number(place[1]), far: false };
}

/** The key in lower case; where the layout writes no Latin letters, the Latin letter at its place. */
function letterOf(press: Pressed): string {
  if (press.key.length !== 1) return press.key;
  const place = /^Key([A-Z])$/.exec(press.code ?? "");
  if (place && /^[^\0-\x7f]$/.test(press.key)) return (place[1] as string).toLowerCase();
  return press.key.toLowerCase();
}

export interface Help {
  shown: string;
  says: string;
}

const ARROWS: Record<Surface, Help[]> = {
  boxes: [{ shown: "← ↑ → ↓", says: "move the box, or its edge, by 1 px; with Shift by 10" }],
  tracks: [{ shown: "← ↑ → ↓", says: "move the box here by 1 px; with Shift by 10" }],
  speech: [
    { shown: "← →", says: "move the edge by 10 ms, with Shift by 100" },
    { shown: "↑ ↓", says: "previous and next region" },
  ],
  text: [],
  spoken: [{ shown: "← →", says: "one second back and forward, with Shift five" }],
  reading: [{ shown: "↑ ↓", says: "previous and next text, in reading order" }],
};

/** The keys that work on this, in two groups. */
export function help(type: Surface): { everywhere: Help[]; here: Help[] } {
  const rows = (special: boolean): Help[] =>
    BINDINGS.filter((b) => b.shown !== null && (b.on !== undefined) === special && (b.on?.includes(type) ?? true)).map(
      (b) => ({ shown: b.shown as string, says: b.says }),
    );
  const everywhere = rows(false);
  everywhere.splice(2, 0, { shown: "1 … 9", says: "give the selected label this name" });
  return { everywhere, here: [...ARROWS[type], ...rows(true)] };
}
