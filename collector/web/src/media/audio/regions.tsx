/** Regions on a waveform, and under it the words that were timed in them. */
import { useComputed, type ReadonlySignal } from "@preact/signals";
import type { IntervalLabel } from "../../api/types";
import type { Word } from "../../model/wordtimes";
import type { OpenTask } from "../../state/task";
import { Pure } from "../../ui/pure";
import { classNames, lookOf } from "../../ui/words";
import { percent, type Seen } from "../timeline/timeline";
import type { AudioEditor } from "./editor";

/** Narrower than this a region has no space for borders and a name. */
const THIN_PX = 24;

let drags = 0;

/** What a channel is called: the two of a stereo recording by their sides. Null: there is only one. */
export function channelName(channel: number | null | undefined, count: number | null | undefined): string | null {
  if (channel === null || channel === undefined || count === 1) return null;
  return (count === 2 ? ["L", "R"][channel] : undefined) ?? `ch ${channel + 1}`;
}

interface RegionProps {
  editor: AudioEditor;
  task: OpenTask;
  label: IntervalLabel;
  duration: number;
  channels: number | null;
  selected: boolean;
  /** The edge that arrows move, where this region is selected. */
  edge: "start" | "end" | null;
  thin: boolean;
  /** Which of the lanes it lies on, and how many there are; 0 of 1 is the whole height. */
  lane: number;
  lanes: number;
}

class Region extends Pure<RegionProps> {
  private pull(edge: "start" | "end", event: PointerEvent): void {
    const { editor, task, label, duration, selected } = this.props;
    event.preventDefault();
    event.stopPropagation();
    const handle = event.currentTarget as HTMLElement;
    const row = handle.closest(".wave-row") as HTMLElement;
    const series = `pull-${(drags += 1)}`;
    if (!selected) editor.select(label.id);
    editor.edge.value = edge;
    editor.player()?.pause();
    handle.setPointerCapture(event.pointerId);
    const move = (to: PointerEvent): void => {
      const box = row.getBoundingClientRect();
      const us = Math.round(((to.clientX - box.left) / Math.max(1, box.width)) * duration);
      if (edge === "start") editor.setTimes(label.id, Math.min(us, label.end_us - 10_000), label.end_us, series);
      else editor.setTimes(label.id, label.start_us, us, series);
    };
    const up = (): void => {
      handle.removeEventListener("pointermove", move);
      task.commit();
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", up, { once: true });
  }

  override render(): preact.JSX.Element {
    const { editor, task, label, duration, channels, selected, edge, thin, lane, lanes } = this.props;
    const look = lookOf(label, task.view.classes);
    const left = percent(label.start_us, duration);
    const width = percent(label.end_us - label.start_us, duration);
    const channel = channelName(label.channel, channels);
    const high = `top: ${(100 * lane) / lanes}%; bottom: ${(100 * (lanes - 1 - lane)) / lanes}%`;
    return (
      <div
        class={classNames(
          "region",
          selected && "region-selected",
          look.model && "region-model",
          look.low && "region-low",
          thin && !selected && "region-thin",
        )}
        data-own
        data-interval={label.id}
        style={`--colour: var(--label-${look.colour}); left: ${left}; width: ${width}; ${high}`}
        onPointerDown={(event) => {
          event.preventDefault();
          (document.activeElement as HTMLElement | null)?.blur();
          editor.select(label.id);
        }}
      >
        <span class="region-tag">
          {look.digit > 0 && <kbd>{look.digit}</kbd>} {look.name} {channel && <i class="channel">{channel}</i>}{" "}
          <b>{look.score}</b>
        </span>
        <span class="region-text">{label.text ?? ""}</span>
        <span
          class={classNames("pull pull-start", edge === "start" && "pull-on")}
          onPointerDown={(event) => this.pull("start", event)}
        />
        <span
          class={classNames("pull pull-end", edge === "end" && "pull-on")}
          onPointerDown={(event) => this.pull("end", event)}
        />
      </div>
    );
  }
}

interface RegionsProps {
  editor: AudioEditor;
  task: OpenTask;
  regions: readonly IntervalLabel[];
  duration: number;
  seen: ReadonlySignal<Seen>;
}

/** The regions in sight. Where they name several channels, each channel has a lane. */
export function Regions({ editor, task, regions, duration, seen }: RegionsProps): preact.JSX.Element {
  const { from, to, scale } = seen.value;
  const chosen = task.selected.value?.id;
  const channels = editor.capture()?.format.channels ?? null;
  const named = [...new Set(regions.flatMap((l) => (typeof l.channel === "number" ? [l.channel] : [])))].sort();
  return (
    <>
      {regions.map((label) => {
        const selected = label.id === chosen;
        if (!selected && (label.end_us < from || label.start_us > to)) return null;
        const lane = named.length > 1 && typeof label.channel === "number" ? named.indexOf(label.channel) : -1;
        return (
          <Region
            key={label.id}
            editor={editor}
            task={task}
            label={label}
            duration={duration}
            channels={channels}
            selected={selected}
            edge={selected ? editor.edge.value : null}
            thin={(label.end_us - label.start_us) * scale < THIN_PX}
            lane={Math.max(0, lane)}
            lanes={lane < 0 ? 1 : named.length}
          />
        );
      })}
    </>
  );
}

/** A word is written where it has this much space for each of its letters; elsewhere only its tick is drawn. */
const LETTER_PX = 5;

interface TimedProps {
  regions: readonly IntervalLabel[];
  now: ReadonlySignal<number>;
  duration: number;
  seen: ReadonlySignal<Seen>;
}

/** The word that is said at a time: the first one that has begun and not ended. */
export const wordAt = (words: readonly Word[], us: number): Word | null =>
  words.find((word) => word.start_us <= us && us < word.end_us) ?? null;

function wordOf(regions: readonly IntervalLabel[], us: number): Word | null {
  for (const label of regions) {
    const word = label.start_us <= us && us <= label.end_us ? wordAt(label.words ?? [], us) : null;
    if (word) return word;
  }
  return null;
}

/** A tick where each word begins, its letters where there is space, the one under the playhead marked. */
export function WordTimes({ regions, now, duration, seen }: TimedProps): preact.JSX.Element | null {
  const { from, to, scale } = seen.value;
  const words = regions
    .filter((label) => label.end_us >= from && label.start_us <= to)
    .flatMap((label) => label.words ?? []);
  const said = useComputed(() => wordOf(regions, now.value)?.start_us ?? null).value;
  if (!regions.some((label) => label.words && label.words.length > 0)) return null;
  const inSight = words.filter((word) => word.end_us >= from && word.start_us <= to);
  const ticks = inSight.map((word) => `M${((word.start_us - from) * scale).toFixed(1)} 0v5`).join("");
  const width = Math.max(1, (to - from) * scale);
  return (
    <div class="words-row" aria-hidden="true">
      <svg
        class="word-ticks"
        style={{ left: percent(from, duration), width: percent(to - from, duration) }}
        viewBox={`0 0 ${width} 5`}
        preserveAspectRatio="none"
      >
        <path d={ticks} vector-effect="non-scaling-stroke" />
      </svg>
      {inSight.map((word) => {
        const pixels = (word.end_us - word.start_us) * scale;
        const here = word.start_us === said;
        if (!here && pixels < LETTER_PX * word.text.length) return null;
        return <TimedWord key={`${word.start_us} ${word.text}`} word={word} duration={duration} said={here} />;
      })}
    </div>
  );
}

class TimedWord extends Pure<{ word: Word; duration: number; said: boolean }> {
  override render(): preact.JSX.Element {
    const { word, duration, said } = this.props;
    return (
      <span
        class={classNames("timed-word", said && "timed-word-said")}
        data-word={word.text}
        style={{ left: percent(word.start_us, duration), width: percent(word.end_us - word.start_us, duration) }}
      >
        <bdi>{word.text}</bdi>
      </span>
    );
  }
}
