/** The form that starts a run, and what to do when it cannot start. */
import { useRef, useState } from "preact/hooks";
import { api, Problem, Unreachable } from "../../api/client";
import type { PrelabelRun, RunAsked } from "../../api/types";
import { askedSentence } from "../../model/runs";
import { Choice } from "../choice";
import { useStudies } from "../usestudies";

type Outcome =
  | { state: "ready" }
  | { state: "asking" }
  | { state: "started"; run: PrelabelRun }
  | { state: "refused"; text: string; hint: string; command: string | null };

const MEDIA = [
  ["", "everything it can label"],
  ["video", "videos"],
  ["image", "stills"],
  ["audio", "sound"],
] as const;

export function StartRun({ models, onStarted }: { models: readonly string[]; onStarted(): void }): preact.JSX.Element {
  const studies = useStudies();
  const [outcome, setOutcome] = useState<Outcome>({ state: "ready" });
  const start = async (form: HTMLFormElement): Promise<void> => {
    const asked = askedOf(new FormData(form));
    setOutcome({ state: "asking" });
    try {
      const run = await api.startRun(asked);
      setOutcome({ state: "started", run });
      onStarted();
    } catch (error) {
      setOutcome(refusal(error, asked.model));
    }
  };
  return (
    <form
      class="filters start-run"
      aria-label="Run a model"
      onSubmit={(event) => {
        event.preventDefault();
        void start(event.currentTarget);
      }}
    >
      <Field label="Model" name="model" known={models} required placeholder="name of the model" />
      <Field label="Study" name="study" known={studies} placeholder="every study" />
      <Field label="Step" name="step" known={[]} placeholder="every step" />
      <Choice label="Captures" name="medium" options={MEDIA} />
      <button type="submit" class="primary" disabled={outcome.state === "asking"}>
        {outcome.state === "asking" ? "Starting" : "Run model"}
      </button>
      <div class="start-word" role="status">
        {outcome.state === "started" &&
          `Started: ${outcome.run.source.name}, ${askedSentence(outcome.run.asked)}.`}
        {outcome.state === "refused" && <Refused {...outcome} />}
      </div>
    </form>
  );
}

function askedOf(data: FormData): RunAsked {
  const text = (name: string): string | null => {
    const value = data.get(name);
    return typeof value === "string" && value.trim() ? value.trim() : null;
  };
  const medium = MEDIA.map(([value]) => value).find((value) => value !== "" && value === text("medium"));
  return { model: text("model") ?? "", study: text("study"), step: text("step"), medium: medium || null };
}

function refusal(error: unknown, model: string): Outcome {
  if (error instanceof Unreachable) {
    return { state: "refused", text: error.message, hint: "Nothing was started.", command: null };
  }
  if (!(error instanceof Problem)) throw error;
  const command = error.code === "model-not-pulled" ? `gleaner prelabel pull ${model}` : null;
  return { state: "refused", text: error.title, hint: error.hint, command };
}

interface FieldProps {
  label: string;
  name: string;
  known: readonly string[];
  placeholder: string;
  required?: boolean;
}

function Field({ label, name, known, placeholder, required }: FieldProps): preact.JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <input
        type="text"
        name={name}
        list={`known-${name}`}
        placeholder={placeholder}
        required={required}
        autocomplete="off"
        spellcheck={false}
      />
      <datalist id={`known-${name}`}>
        {known.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </label>
  );
}

function Refused({ text, hint, command }: { text: string; hint: string; command: string | null }): preact.JSX.Element {
  const code = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    // Outside a secure context there is no clipboard: the words are selected, and Ctrl+C is one key away.
    if (code.current) getSelection()?.selectAllChildren(code.current);
    if (!navigator.clipboard || command === null) return;
    try {
      await navigator.clipboard.writeText(command);
      setCopied(true);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      setCopied(false);
    }
  };
  return (
    <>
      <p class="caveat">
        {text} {hint}
      </p>
      {command !== null && (
        <p class="command">
          <code ref={code}>{command}</code>
          <button type="button" onClick={() => void copy()}>
            {copied ? "Copied" : "Copy"}
          </button>
        </p>
      )}
    </>
  );
}
