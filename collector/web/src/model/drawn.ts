/** Which labels a surface can show: what nobody could see is not accepted. */
import type { Label, TaskView } from "../api/types";
import { surfaceOf, type Surface } from "./keys";
import type { Work } from "./labels";
import { outlineOf } from "./outline";

const SHAPES: readonly Label["kind"][] = ["box", "polygon", "polyline", "keypoints", "mask"];

/** The kinds that stand on the medium itself, or whose words are read whole in the list. */
const DRAWN: Record<Surface, readonly Label["kind"][]> = {
  boxes: [...SHAPES, "text", "choice"],
  tracks: ["track", "text", "choice"],
  speech: ["interval", "text", "span", "choice"],
  text: ["text", "span", "choice"],
  spoken: ["text", "span", "choice"],
  reading: ["polygon", "text", "span", "choice"],
};

const NAMES: Partial<Record<Label["kind"], string>> = {
  box: "a box",
  mask: "a mask",
  span: "a marked text",
  interval: "a region",
  track: "a track",
  keypoints: "points",
  polygon: "an outline",
  polyline: "a line",
};

/** A mask without a pixel, or whose run lengths are damaged: there is nothing of it to look at. */
const isUnreadable = (label: Label): boolean => label.kind === "mask" && outlineOf(label) === null;

/** Why this work must not be accepted: the first label that the page cannot show, in a sentence; null when it shows all. */
export function undrawn(view: TaskView, work: Work): string | null {
  const drawn = DRAWN[surfaceOf(view)];
  for (const rows of Object.values(work)) {
    const hidden = rows.find((label) => !drawn.includes(label.kind) || isUnreadable(label));
    if (hidden)
      return `“${hidden.label}” is ${NAMES[hidden.kind] ?? hidden.kind}. This page cannot show it. Reject it (X) or skip the item (S).`;
  }
  return null;
}
