/** The form that starts an export: the options of `gleaner collector export`. */
import { useState } from "preact/hooks";
import { api, expectRefusal, Problem } from "../../api/client";
import type { ExportAsked } from "../../api/types";
import { FORMATS, TASK_TYPES, withZone } from "../../model/exports";
import { Choice, withAll } from "../choice";
import { useStudies } from "../usestudies";

type Outcome = { state: "ready" } | { state: "asking" } | { state: "started"; name: string } | { state: "refused"; text: string };
const FRAMES = [
  ["keyframes", "those with a keyframe"],
  ["every", "every frame"],
  ["some", "one in so many"],
] as const;
type Frames = (typeof FRAMES)[number][0];

export function StartExport({ onStarted }: { onStarted(): void }): preact.JSX.Element {
  const studies = useStudies();
  const [format, setFormat] = useState<"jsonl" | "coco">("jsonl");
  const [frames, setFrames] = useState<Frames>("keyframes");
  const [outcome, setOutcome] = useState<Outcome>({ state: "ready" });
  const start = async (form: HTMLFormElement): Promise<void> => {
    setOutcome({ state: "asking" });
    try {
      const run = await api.startExport(askedOf(new FormData(form)));
      setOutcome({ state: "started", name: run.name });
      onStarted();
    } catch (error) {
      expectRefusal(error);
      setOutcome({ state: "refused", text: error instanceof Problem ? error.message : `${error.message} Nothing was started.` });
    }
  };
  return (
    <form
      class="filters start-export"
      aria-label="Start an export"
      onSubmit={(event) => {
        event.preventDefault();
        void start(event.currentTarget);
      }}
    >
      <Choice
        label="Format"
        name="format"
        options={Object.entries(FORMATS)}
        value={format}
        onChoose={(value) => setFormat(value === "coco" ? "coco" : "jsonl")}
      />
      <Choice label="Study" name="study" options={withAll("every study", studies)} />
      <Choice label="Items" name="type" options={[["", "every type"], ...TASK_TYPES]} />
      <label>
        <span>Submitted since</span>
        <input type="datetime-local" name="since" />
      </label>
      {format === "coco" && <FramesChoice frames={frames} onChoose={setFrames} />}
      <label>
        <span>Licence</span>
        <input type="text" name="licence" placeholder="none named" maxLength={200} autocomplete="off" spellcheck={false} />
      </label>
      <fieldset>
        <legend class="sr-only">What else is in it</legend>
        {format === "jsonl" && (
          <label>
            <input type="checkbox" name="media" defaultChecked /> <span>with the recordings</span>
          </label>
        )}
        <label>
          <input type="checkbox" name="with_prelabels" /> <span>with what the models said, in a file of its own</span>
        </label>
      </fieldset>
      <button type="submit" class="primary" disabled={outcome.state === "asking"}>
        {outcome.state === "asking" ? "Starting" : "Start export"}
      </button>
      <div class="start-word" role="status">
        {outcome.state === "started" && `Started: ${outcome.name}.`}
        {outcome.state === "refused" && <p class="caveat">{outcome.text}</p>}
      </div>
    </form>
  );
}

function FramesChoice({ frames, onChoose }: { frames: Frames; onChoose(frames: Frames): void }): preact.JSX.Element {
  return (
    <>
      <Choice
        label="Frames of videos"
        name="frames"
        options={FRAMES}
        value={frames}
        onChoose={(value) => onChoose(FRAMES.map(([one]) => one).find((one) => one === value) ?? "keyframes")}
      />
      {frames === "some" && (
        <label>
          <span>One frame in</span>
          <input type="number" name="step" min={1} max={1_000_000} defaultValue="5" required />
        </label>
      )}
    </>
  );
}

function askedOf(data: FormData): ExportAsked {
  const text = (name: string): string | null => {
    const value = data.get(name);
    return typeof value === "string" && value.trim() ? value.trim() : null;
  };
  const format = text("format") === "coco" ? "coco" : "jsonl";
  const frames = text("frames") ?? "keyframes";
  const since = text("since");
  return {
    format,
    study: text("study"),
    type: TASK_TYPES.map(([value]) => value).find((value) => value === text("type")) ?? null,
    since: since === null ? null : withZone(since),
    frames: frames === "some" ? (text("step") ?? "") : frames,
    media: format === "coco" || data.get("media") !== null,
    with_prelabels: data.get("with_prelabels") !== null,
    licence: text("licence"),
  };
}
