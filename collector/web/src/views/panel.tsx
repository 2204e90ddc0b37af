/** The right side: what the script expected, the labels with the least certain first, the instructions. */
import { useMemo, useState } from "preact/hooks";
import type { Label, SpanLabel, TaskView } from "../api/types";
import { changeOf } from "../model/diff";
import { maskedWord } from "../model/masked";
import { MAX_DIGITS } from "../model/names";
import { surfaceOf, type Surface } from "../model/keys";
import { compareDoubt, same, type Ref } from "../model/labels";
import { outlineOf } from "../model/outline";
import { wordsOf } from "../model/spans";
import { clock } from "../model/time";
import { unseenStretches } from "../model/tracks";
import { haveChanged } from "../state/instructions";
import type { PrivateStorage } from "../state/private";
import type { OpenTask } from "../state/task";
import { Pure } from "../ui/pure";
import { characters, classNames, lookOf, sourceText } from "../ui/words";
import type { Keyboard } from "./keyboard";
import { isLong, LongList } from "./longlist";

interface PanelProps {
  task: OpenTask;
  keyboard: Keyboard;
  storage: PrivateStorage;
}

export function Panel({ task, keyboard, storage }: PanelProps): preact.JSX.Element {
  return (
    <aside class="panel" aria-label="About this item">
      <Expected view={task.view} />
      <Labels task={task} />
      <Names task={task} keyboard={keyboard} />
      <Instructions key={task.id} view={task.view} storage={storage} />
    </aside>
  );
}

/** Surfaces that show the question beside the answer: it is not shown twice. */
const asksHere = (view: TaskView): boolean => ["text", "spoken"].includes(surfaceOf(view));
/** Surfaces that show every text in a field of its own: the list has its name, score and source. */
const showsTexts = (view: TaskView): boolean => asksHere(view) || surfaceOf(view) === "reading";

function Expected({ view }: { view: TaskView }): preact.JSX.Element {
  return (
    <section>
      {asksHere(view) ? (
        <h2>Item</h2>
      ) : (
        <>
          <h2>
            {view.expected === null ? "Prompt" : "Expected"} <span class="note">from the script</span>
          </h2>
          <p class="expected" lang={view.language}>
            {view.expected === null ? view.prompt : <q>{view.expected}</q>}
          </p>
          {view.expected !== null && view.prompt !== view.expected && <p class="note">{view.prompt}</p>}
        </>
      )}
      {view.objects.length > 0 && <p class="note">Should be visible: {view.objects.join(", ")}</p>}
      <p
        class={view.reason.kind === "control" ? "caveat" : "note"}
        title="Why you see this item"
        data-reason={view.reason.kind}
      >
        {view.reason.text}
      </p>
      <Masked view={view} />
    </section>
  );
}

/** That something was masked before it left the device: what is not there need not be looked for. */
function Masked({ view }: { view: TaskView }): preact.JSX.Element | null {
  const words = view.captures.flatMap((c) => {
    const word = maskedWord(c);
    return word === null ? [] : [view.captures.length > 1 ? `${c.sensor}: ${word}` : word];
  });
  if (words.length === 0) return null;
  return (
    <p class="note masked" title="Masked on the device before the first byte was written">
      ▨ {words.join(" · ")}
    </p>
  );
}

/** Where a text has no place of its own: it is read whole under the list. */
const PICTURES: ReadonlySet<string> = new Set(["boxes", "tracks"]);

/** What an empty list confirms when it is submitted, where that is not simply nothing. */
const NOTHING: Partial<Record<Surface, string>> = {
  text: " that there is no usable answer",
  spoken: " that there is no usable answer",
};

/** Two captures of a task may use the same label id. */
const rowId = (ref: Ref): string => `label-${ref.capture}-${ref.id}`;

interface Row {
  ref: Ref;
  label: Label;
  ghost: boolean;
}

function Labels({ task }: { task: OpenTask }): preact.JSX.Element {
  const many = task.view.captures.filter((c) => c.role === "labelled");
  const { work, ghosts, selected: chosen } = task;
  const rows = useMemo(() => rowsOf(task), [task, work.value, ghosts.value]);
  const selected = chosen.value;
  const label = task.label();
  return (
    <section class="labels">
      <h2>
        Labels <span class="note">{rows.length > 1 ? "lowest confidence first" : ""}</span>
      </h2>
      {rows.length === 0 && (
        <p class="note">
          {task.view.reason.kind === "control" ? "Nothing is marked yet" : "No labels"}. Press <kbd>Enter</kbd> to confirm
          {NOTHING[surfaceOf(task.view)] ?? " that there is nothing"}.
        </p>
      )}
      <LongList
        count={rows.length}
        chosen={selected === null ? -1 : rows.findIndex((r) => !r.ghost && same(r.ref, selected))}
        label="Labels, lowest confidence first"
        active={selected ? rowId(selected) : undefined}
        row={(index) => {
          const { ref, label: row, ghost } = rows[index] as Row;
          return (
            <LabelRow
              key={`${ref.capture}/${ref.id}`}
              task={task}
              id={ref.id}
              capture={ref.capture}
              label={row}
              ghost={ghost}
              before={task.beforeOf(ref)}
              selected={!ghost && same(ref, selected)}
              text={!showsTexts(task.view)}
              sensor={many.length > 1 ? (many.find((c) => c.id === ref.capture)?.sensor ?? "") : ""}
              place={index + 1}
              count={rows.length}
            />
          );
        }}
      />
      <p class="label-facts">
        {label ? facts(label) : ""}
        {label?.kind === "text" && PICTURES.has(task.view.type) && `\n“${label.text}”`}
      </p>
      <p class="sr-only" role="status">
        {label ? spoken(task, label) : ""}
      </p>
    </section>
  );
}

/** What the list shows, least certain first. */
function rowsOf(task: OpenTask): Row[] {
  const rows: Row[] = [
    ...Object.entries(task.work.value).flatMap(([capture, labels]) =>
      labels.map((label) => ({ ref: { capture, id: label.id }, label, ghost: false })),
    ),
    ...task.ghosts.value.map((g) => ({ ...g, ghost: true })),
  ];
  const places = textPlaces(rows);
  return rows
    .filter(({ ref }) => !places.has(`${ref.capture}/${ref.id}`))
    .sort((a, b) => compareDoubt(a.label, b.label));
}

/** A place and its text are one row: the text's. */
function textPlaces(rows: readonly Row[]): Set<string> {
  return new Set(rows.flatMap((r) => (r.label.kind === "text" && r.label.parent ? [`${r.ref.capture}/${r.label.parent}`] : [])));
}

/** What stands beside the name of labels that are not what the task is mostly about. */
const KIND_WORDS: Partial<Record<Label["kind"], string>> = {
  polygon: "outline",
  polyline: "line",
  keypoints: "points",
  mask: "mask",
  choice: "choice",
};

interface RowProps {
  task: OpenTask;
  id: string;
  capture: string;
  label: Label;
  before: Label | undefined;
  ghost: boolean;
  selected: boolean;
  sensor: string;
  /** Whether the words of a text are shown. */
  text: boolean;
  /** Its place among all rows, from 1: of a long list only those in sight exist. */
  place: number;
  count: number;
}

const CHANGE_WORDS = { kept: "", moved: "moved", relabelled: "renamed", text: "text edited", added: "" } as const;

class LabelRow extends Pure<RowProps> {
  private readonly host = { current: null as HTMLLIElement | null };

  override componentDidUpdate(before: RowProps): void {
    const { selected, count } = this.props;
    if (selected && !before.selected && !isLong(count)) this.host.current?.scrollIntoView({ block: "nearest" });
  }

  override render(): preact.JSX.Element {
    const { task, id, capture, label, before, ghost, selected, sensor, place, count } = this.props;
    const look = lookOf(label, task.view.classes);
    const what = ghost ? "rejected" : CHANGE_WORDS[changeOf(before, label)];
    const ref = { capture, id };
    return (
      <li
        ref={this.host}
        id={rowId(ref)}
        role="option"
        aria-selected={selected}
        aria-posinset={place}
        aria-setsize={count}
        data-label={id}
        class={classNames("label-row", selected && "label-selected", ghost && "label-ghost")}
        style={`--colour: var(--label-${look.colour})`}
        title={ghost ? "Rejected. Click to restore." : undefined}
        onClick={() => {
          if (ghost) return task.restore(ref);
          task.commit();
          task.selected.value = ref;
        }}
      >
        <span class={classNames("swatch", look.model && "swatch-model", look.striped && "swatch-striped")} />
        <span class="label-digit">{look.digit || ""}</span>
        <span class="label-name">
          {look.name}
          {label.kind === "interval" && <i> {clock(label.start_us)}</i>}
          {label.kind === "text" && label.language && <i class="label-language"> {label.language}</i>}
          {label.kind === "text" && this.props.text && <i> {label.text}</i>}
          {label.kind === "span" && <i> {spanWords(task, ref, label)}</i>}
          {KIND_WORDS[label.kind] && <i> {KIND_WORDS[label.kind]}</i>}
          {sensor && <i> {sensor}</i>}
        </span>
        <span class={classNames("label-score", look.low && "label-low")}>
          {look.low && "? "}
          {look.score}
        </span>
        <span class="label-source">
          {what || (look.model ? `● ${sourceText(label)}` : label.source ? `● ${sourceText(label)}` : "○ yours")}
        </span>
      </li>
    );
  }
}

/** The words that a span marks. */
function spanWords(task: OpenTask, ref: Ref, label: SpanLabel): string {
  const rows = task.work.value[ref.capture] ?? [];
  const text = rows.find((l) => l.id === label.parent) ?? task.beforeOf({ ...ref, id: label.parent ?? "" });
  return text?.kind === "text" ? `“${wordsOf(text.text, label)}”` : "";
}

const px = (value: number): string => value.toFixed(1).replace(/\.0$/, "");

function facts(label: Label): string {
  switch (label.kind) {
    case "box":
      return (
        `x ${px(label.x)}  y ${px(label.y)}  ${px(label.width)} × ${px(label.height)} px` +
        (label.rotation ? `, rotated ${px(label.rotation)}°` : "")
      );
    case "track": {
      const first = label.keyframes[0]?.frame ?? 0;
      const last = label.keyframes[label.keyframes.length - 1]?.frame ?? 0;
      const gaps = unseenStretches(label.keyframes).map(([from, to]) => (to - 1 > from ? `${from}–${to - 1}` : `${from}`));
      const filled = gaps.length > 0 ? `\nnot seen on frames ${gaps.join(", ")}: filled in` : "";
      return `${label.keyframes.length} keyframes, frames ${first} to ${last}${filled}`;
    }
    case "interval":
      return [
        `${clock(label.start_us)} to ${clock(label.end_us)}`,
        `${((label.end_us - label.start_us) / 1e6).toFixed(2)} s`,
      ].join(", ");
    case "text":
      return `${characters(label.text)}${label.language ? `, ${label.language}` : ""}`;
    case "polygon":
    case "polyline":
      return `${label.points.length} corners`;
    case "keypoints":
      return `${label.points.filter(([, , v]) => v > 0).length} of ${label.points.length} points`;
    case "span":
      return `characters ${label.start + 1} to ${label.end}`;
    case "mask":
      return `a mask of ${outlineOf(label)?.area ?? 0} px`;
    default:
      return "";
  }
}

function spoken(task: OpenTask, label: Label): string {
  const count = Object.values(task.work.value).reduce((sum, labels) => sum + labels.length, 0);
  const score = label.score === null ? "" : `, score ${label.score.toFixed(2)}`;
  const said = label.kind === "text" ? ` “${label.text}”` : "";
  return `${label.label}${said}${score}, ${sourceText(label)}, ${facts(label)}. ${count} labels.`;
}

function Names({ task, keyboard }: { task: OpenTask; keyboard: Keyboard }): preact.JSX.Element | null {
  const { classes } = task.view;
  const word = task.label()?.label;
  const beyond = word !== undefined && classes.indexOf(word) >= MAX_DIGITS ? [word] : [];
  return (
    <section>
      <h2>Names</h2>
      <p class="names">
        {[...classes.slice(0, MAX_DIGITS), ...beyond].map((name, index) => (
          <button
            key={name}
            type="button"
            class={classNames("name", name === word && "name-on")}
            style={`--colour: var(--label-${classes.indexOf(name) % 7})`}
            onClick={() => keyboard.name(name)}
          >
            {index < MAX_DIGITS && <kbd>{index + 1}</kbd>} {name}
          </button>
        ))}
        {(classes.length > MAX_DIGITS || classes.length === 0) && (
          <button type="button" class="name" onClick={() => (keyboard.dialog.value = "names")}>
            <kbd>0</kbd> {classes.length === 0 ? "any name" : `all ${classes.length} names`}
          </button>
        )}
      </p>
    </section>
  );
}

/** Says when the instructions are newer than what this person saw last. */
function Instructions({ view, storage }: { view: TaskView; storage: PrivateStorage }): preact.JSX.Element {
  const { version, text } = view.instructions;
  const [changed] = useState(() => haveChanged(storage, view.study, view.type, version));
  return (
    <section class="instructions">
      <h2>
        Instructions <span class="note">v{version}</span>
        {changed && <b class="changed"> changed</b>}
      </h2>
      {text.split(/\n\s*\n/).map((paragraph) => (
        <p key={paragraph}>{paragraph}</p>
      ))}
    </section>
  );
}
