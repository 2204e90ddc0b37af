/** Tasks as the collector sends them, with only what a test is about to choose. */
import type { BoxLabel, CaptureView, IntervalLabel, Label, TaskView, TextLabel, TrackLabel } from "../api/types";

const model = { kind: "model", name: "yolox-nano", version: "1", sha256: "a".repeat(64) } as const;

export const box = (id: string, facts: Partial<BoxLabel> = {}): BoxLabel => ({
  ...{ id, kind: "box", label: "cup", score: 0.9, x: 100, y: 100, width: 50, height: 40 },
  ...facts,
});

/** In the picture from `first` to `last`, where it stands still. */
export const track = (id: string, first: number, last: number, facts: Partial<TrackLabel> = {}): TrackLabel => ({
  ...{ id, kind: "track", label: "person", score: 0.9 },
  keyframes: [first, last].map((frame) => ({
    ...{ frame, start_us: frame * 40_000, x: 10, y: 10, width: 20, height: 20, visible: true },
  })),
  ...facts,
});

export const region = (id: string, start: number, end: number, facts: Partial<IntervalLabel> = {}): IntervalLabel => ({
  ...{ id, kind: "interval", label: "speech", score: 0.9, start_us: start, end_us: end },
  ...facts,
});

export const text = (id: string, words: string, facts: Partial<TextLabel> = {}): TextLabel => ({
  ...{ id, kind: "text", label: "answer", score: 0.9, text: words },
  ...facts,
});

export const capture = (id: string, medium: CaptureView["medium"], facts: Partial<CaptureView> = {}): CaptureView => ({
  ...{ id, medium, sensor: `${medium}0`, role: "labelled", format: {} as CaptureView["format"] },
  ...{ duration_us: medium === "audio" || medium === "video" ? 4_000_000 : null, frames: null },
  ...{ opened_us: 0, take_offset_us: 0, complete: true, media_url: `/${id}/media`, frames_url: null, peaks_url: null },
  ...facts,
});

interface TaskFacts extends Partial<TaskView> {
  /** The pre-labels of the first capture. */
  labels?: Label[];
}

/** An item of boxes on one still unless told otherwise. */
export function taskView(id: string, { labels = [], ...facts }: TaskFacts = {}): TaskView {
  const captures = facts.captures ?? [capture(`${id}-still`, "image")];
  const prelabels = [{ schema: 1 as const, capture: captures[0]?.id ?? "", source: model, labels }];
  return {
    ...{ id, type: "boxes", study: "study-1", session: "session-1", take: `${id}-take`, step: "walk" },
    ...{ step_title: `Step of ${id}`, step_number: 1, step_count: 3, attempt: 1, kind: "do", prompt: "Walk." },
    ...{ expected: null, objects: [], language: "en", classes: ["cup", "person"], consent: "consent-1" },
    ...{ instructions: { version: 1, text: "Mark what you see.", sha256: "b".repeat(64) }, captures },
    ...{ prelabels: labels.length > 0 ? prelabels : [], draft: null, revision: null },
    ...{ reason: { kind: "random", text: "Picked at random (1 in 10).", probability: 0.1 } },
    ...{ state: "open", lease: null },
    ...facts,
  } as TaskView;
}
