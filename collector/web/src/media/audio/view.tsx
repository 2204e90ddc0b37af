/** What a speech task looks like: the room beside it, the waveform with regions, the words. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { CaptureView, IntervalLabel } from "../../api/types";
import { same } from "../../model/labels";
import { clock } from "../../model/time";
import type { OpenTask } from "../../state/task";
import { TextField, Unready } from "../../ui/parts";
import { classNames, lookOf } from "../../ui/words";
import { percent, Timeline } from "../timeline/timeline";
import type { Heard } from "./desk";
import { isInterval, type AudioEditor } from "./editor";
import type { SoundPlayer } from "./sound";
import { Transport } from "./transport";
import { Wave } from "./wave";

export function AudioView({ editor }: { editor: AudioEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.desk.shown.value;
  if (!task) return <div class="medium" />;
  if (shown.state !== "ready") return <Unready shown={shown} what="the sound" retry={() => editor.open(task)} />;
  const videos = task.view.captures.filter((c) => c.medium === "video");
  return (
    <div class="medium medium-sound">
      {videos.length > 0 && (
        <div class="besides">
          {videos.map((video) => (
            <BesideVideo key={video.id} editor={editor} capture={video} player={shown.player} />
          ))}
        </div>
      )}
      <Sound key={task.id} editor={editor} task={task} shown={shown} />
      <Words editor={editor} task={task} />
    </div>
  );
}

function BesideVideo({
  editor,
  capture,
  player,
}: {
  editor: AudioEditor;
  capture: CaptureView;
  player: SoundPlayer;
}): preact.JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const [url, setUrl] = useState<string | null>(null);
  const [trouble, setTrouble] = useState(false);
  useEffect(() => {
    let here = true;
    editor.media?.of(capture).then(
      (media) => {
        if (here && media.kind === "video") setUrl(media.url);
      },
      () => {
        if (here) setTrouble(true);
      },
    );
    return () => {
      here = false;
    };
  }, [capture]);
  useEffect(
    () =>
      element.current && url
        ? player.follow({ element: element.current, takeOffset: capture.take_offset_us })
        : undefined,
    [url, player],
  );
  if (trouble) return <div class="quiet">The video beside it cannot be shown; the sound is complete.</div>;
  return (
    <video
      ref={element}
      class="beside"
      src={url ?? undefined}
      muted
      playsInline
      preload="auto"
      aria-label={`${capture.sensor}, beside the sound`}
    />
  );
}

function Sound({ editor, task, shown }: { editor: AudioEditor; task: OpenTask; shown: Heard }): preact.JSX.Element {
  const { player, peaks, url } = shown;
  const capture = editor.capture()?.id ?? "";
  const ghosts = task.ghosts.value.filter((g) => g.ref.capture === capture);
  return (
    <div class="rows rows-sound">
      <Transport player={player} pausing="stop" onToggle={() => editor.toggle()}>
        <span class="transport-word">
          arrows move the {editor.edge.value} · <kbd>[</kbd> start <kbd>]</kbd> end
        </span>
      </Transport>
      <Timeline
        duration={player.duration}
        now={player.now}
        zoom={editor.desk.zoom}
        label="Waveform with speech regions"
        onSeek={(us) => {
          player.pause();
          player.seek(us);
        }}
        onDrag={(from, to) => editor.create(from, to)}
      >
        <div class="wave-row">
          <Wave peaks={peaks} url={url} duration={player.duration} />
          {ghosts.map(
            ({ ref, label }) =>
              isInterval(label) && (
                <button
                  key={`${ref.id}-ghost`}
                  type="button"
                  tabIndex={-1}
                  data-own
                  class="region region-ghost"
                  title="Rejected; click brings it back"
                  style={{
                    left: percent(label.start_us, player.duration),
                    width: percent(label.end_us - label.start_us, player.duration),
                  }}
                  onClick={() => task.restore(ref)}
                />
              ),
          )}
          {editor.regions(task).map((label) => (
            <Region
              key={label.id}
              editor={editor}
              task={task}
              label={label}
              duration={player.duration}
              capture={capture}
            />
          ))}
        </div>
      </Timeline>
    </div>
  );
}

let drags = 0;

function Region({
  editor,
  task,
  label,
  duration,
  capture,
}: {
  editor: AudioEditor;
  task: OpenTask;
  label: IntervalLabel;
  duration: number;
  capture: string;
}): preact.JSX.Element {
  const look = lookOf(label, task.view.classes);
  const left = percent(label.start_us, duration);
  const width = percent(label.end_us - label.start_us, duration);
  const selected = same(task.selected.value, { capture, id: label.id });
  const pull =
    (edge: "start" | "end") =>
    (event: PointerEvent): void => {
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
      handle.addEventListener("pointermove", move);
      handle.addEventListener(
        "pointerup",
        () => {
          handle.removeEventListener("pointermove", move);
          task.settle();
        },
        { once: true },
      );
    };
  return (
    <div
      class={classNames(
        "region",
        selected && "region-selected",
        look.model && "region-model",
        look.low && "region-low",
      )}
      data-own
      style={`--colour: var(--label-${look.colour}); left: ${left}; width: ${width}`}
      onPointerDown={(event) => {
        event.preventDefault();
        (document.activeElement as HTMLElement | null)?.blur();
        editor.select(label.id);
      }}
    >
      <span class="region-tag">
        {look.digit > 0 && <kbd>{look.digit}</kbd>} {look.name} <b>{look.score}</b>
      </span>
      <span class="region-text">{label.text ?? ""}</span>
      <span
        class={classNames("pull pull-start", selected && editor.edge.value === "start" && "pull-on")}
        onPointerDown={pull("start")}
      />
      <span
        class={classNames("pull pull-end", selected && editor.edge.value === "end" && "pull-on")}
        onPointerDown={pull("end")}
      />
    </div>
  );
}

function Words({ editor, task }: { editor: AudioEditor; task: OpenTask }): preact.JSX.Element {
  const regions = editor.regions(task);
  const capture = editor.capture()?.id ?? "";
  if (regions.length === 0) {
    return (
      <div class="words words-none">
        No speech is marked. <kbd>N</kbd> marks a region at the playhead, <kbd>Enter</kbd> says there is none.
      </div>
    );
  }
  return (
    <ol class="words">
      {regions.map((label) => {
        const look = lookOf(label, task.view.classes);
        const selected = same(task.selected.value, { capture, id: label.id });
        const expected = editor.expected(label);
        return (
          <li
            key={label.id}
            data-region={label.id}
            class={classNames("word", selected && "word-selected")}
            style={`--colour: var(--label-${look.colour})`}
          >
            <button type="button" tabIndex={-1} class="word-time" onClick={() => editor.select(label.id)}>
              ▶ {clock(label.start_us)} – {clock(label.end_us)}
            </button>
            <TextField
              value={label.text ?? ""}
              label={`What was said from ${clock(label.start_us)}`}
              lang={task.view.language}
              oneLine
              placeholder={selected ? "W writes what was said" : "what was said"}
              onText={(text) => editor.setText(label.id, text)}
              onFocus={() => {
                if (!selected) editor.select(label.id);
              }}
              onLeave={() => task.settle()}
            />
            {expected !== null && label.text !== expected && (
              <button
                type="button"
                tabIndex={-1}
                class="word-expected"
                title="Takes what was expected as what was said"
                onClick={() => {
                  editor.setText(label.id, expected);
                  task.settle();
                }}
              >
                <kbd>E</kbd> “{expected}”
              </button>
            )}
            {expected !== null && label.text === expected && <span class="word-same">✓ as expected</span>}
          </li>
        );
      })}
    </ol>
  );
}
