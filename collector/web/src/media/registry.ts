/** The editor of each surface, loaded on demand: the first picture never waits for a decoder it does not need. */
import type { Surface } from "../model/keys";
import type { Mount } from "./editor";

export const editors: Record<Surface, () => Promise<{ mount: Mount }>> = {
  boxes: () => import("./image/view"),
  tracks: () => import("./video/view"),
  speech: () => import("./audio/view"),
  text: () => import("./text/answerview"),
  spoken: () => import("./text/spokenview"),
  reading: () => import("./text/readingview"),
};
