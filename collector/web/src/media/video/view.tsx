/** What a video task looks like: the picture, the bar under it, the timeline. */
import { useComputed } from "@preact/signals";
import type { CaptureView, Label, TrackLabel } from "../../api/types";
import { isTrack } from "../../model/kinds";
import { same, type Ref } from "../../model/labels";
import { clock } from "../../model/time";
import * as tracks from "../../model/tracks";
import type { OpenTask } from "../../state/task";
import { Loading, Trouble } from "../../ui/parts";
import { lookOf } from "../../ui/words";
import type { Shape } from "../image/shapes";
import { Stage } from "../image/stage";
import { Stages } from "../image/stages";
import { mounting } from "../mount";
import { Timeline } from "../timeline/timeline";
import { TrackRow } from "../timeline/trackrows";
import { VideoEditor } from "./editor";
import type { FramePlayer } from "./player";
import type { Outside } from "./camerasync";

export function VideoView({ editor }: { editor: VideoEditor }): preact.JSX.Element {
  const task = editor.task.value;
  if (!task) return <div class="medium" />;
  const videos = editor.videos(task);
  const player = editor.player();
  return (
    <div class="medium">
      <Stages captures={videos}>
        {videos.map((capture) => (
          <Picture key={capture.id} editor={editor} task={task} capture={capture} />
        ))}
      </Stages>
      {player ? (
        <Rows
          key={`${task.id}/${editor.activeCapture()}`}
          editor={editor}
          task={task}
          capture={editor.activeCapture()}
          player={player}
        />
      ) : (
        <div class="rows-waiting" />
      )}
    </div>
  );
}

function shapesOf(task: OpenTask, capture: string, frame: number, times: readonly number[]): Shape[] {
  const { classes } = task.view;
  const selected = task.selected.value;
  const make = (label: Label, ghost: boolean): Shape[] => {
    if (!isTrack(label)) return [];
    const ref: Ref = { capture, id: label.id };
    const chosen = !ghost && same(ref, selected);
    const here = tracks.boxAt(label.keyframes, frame, times);
    const rect = here ?? (chosen ? tracks.nearestBox(label.keyframes, frame) : null);
    if (!rect) return [];
    const occluded = tracks.attributesAt(label.keyframes, frame)["occluded"] === true;
    const unseen = here !== null && tracks.isUnseen(label.keyframes, frame);
    return [
      { ref, rect, look: lookOf(label, classes), selected: chosen, ghost, absent: here === null, occluded, unseen },
    ];
  };
  return [
    ...task.ghosts.value.filter((g) => g.ref.capture === capture).flatMap((g) => make(g.label, true)),
    ...(task.work.value[capture] ?? []).flatMap((label) => make(label, false)),
  ];
}

function Picture({
  editor,
  task,
  capture,
}: {
  editor: VideoEditor;
  task: OpenTask;
  capture: CaptureView;
}): preact.JSX.Element {
  const shown = editor.shown(capture.id);
  const arrived = editor.arrived(capture.id);
  const loading = <Loading what="the video" {...(arrived ? { arrived } : {})} />;
  if (shown.state === "loading") return loading;
  if (shown.state === "failed")
    return <Trouble what="The video" why={shown.why} retry={() => editor.open(capture)} />;
  const player = shown.medium;
  const trouble = player.trouble.value;
  const picture = player.picture.value;
  if (trouble) return <Trouble what="This frame" why={trouble} retry={() => player.go(player.frame.value)} />;
  if (!picture) return loading;
  const active = editor.activeCapture() === capture.id;
  const close = editor.close.value && active ? editor.selectedRect() : null;
  const outside = editor.sync.outside(player);
  return (
    <Stage
      picture={{ width: player.source.width, height: player.source.height }}
      source={picture.image}
      version={picture.version}
      title={`${capture.sensor}, frame ${picture.frame} of step ${task.view.step_title}`}
      // Labels of the frame that is seen: while one is decoded, picture and boxes stay together.
      shapes={shapesOf(task, capture.id, picture.frame, player.source.times)}
      tool={editor.tool}
      active={active}
      close={close}
      note={editor.videos(task).length > 1 ? cameraNote(capture.sensor, outside) : null}
      dim={outside !== null}
      onSelect={(ref) => editor.select(ref)}
      onChange={(_ref, rect, series) => editor.moveBox(rect, series)}
      onCommit={() => task.commit()}
      onActivate={() => {
        player.pause();
        editor.active.value = capture.id;
      }}
    />
  );
}

/** Which camera this is, and whether it shows another moment than the one that is looked at. */
const cameraNote = (sensor: string, outside: Outside): string =>
  outside === null ? sensor : `${sensor} · ${outside === "over" ? "is over" : "has not begun"}`;

function Rows({
  editor,
  task,
  capture,
  player,
}: {
  editor: VideoEditor;
  task: OpenTask;
  capture: string;
  player: FramePlayer;
}): preact.JSX.Element {
  const { times, caveat } = player.source;
  const now = useComputed(() => times[player.frame.value] ?? 0);
  const duration = player.length;
  const frame = player.frame.value;
  const track = editor.track();
  const rows: [TrackLabel, boolean][] = [
    ...(task.work.value[capture] ?? []).filter(isTrack).map((t): [TrackLabel, boolean] => [t, false]),
    ...task.ghosts.value.flatMap((g): [TrackLabel, boolean][] =>
      g.ref.capture === capture && isTrack(g.label) ? [[g.label, true]] : [],
    ),
  ];
  const onFrame = (id: string, to: number): void => {
    player.pause();
    editor.select({ capture, id });
    player.go(to);
  };
  return (
    <div class="rows">
      <div class="transport">
        <button type="button" tabIndex={-1} onClick={() => player.toggle()}>
          {player.playing.value ? "❚❚ pause" : "▶ play"} <kbd>Space</kbd>
        </button>
        <output class="transport-time">
          frame <b data-frame={frame}>{frame}</b> of 0–{player.last} · {clock(now.value)}
        </output>
        {track && <span class="transport-word">{place(track, frame, times)}</span>}
        {task.view.captures.some((c) => c.medium === "audio") && <SoundWord state={editor.soundState(capture)} />}
        {caveat && (
          <span class="caveat" role="note">
            {caveat}
          </span>
        )}
      </div>
      <Timeline
        duration={duration}
        now={now}
        zoom={editor.zoom}
        label="Timeline of tracks"
        onSeek={(us) => {
          player.pause();
          player.go(nearestFrame(times, us));
        }}
      >
        {rows.length === 0 && (
          <div class="track-row track-none">
            No tracks. <kbd>N</kbd> draws one.
          </div>
        )}
        {rows.map(([row, ghost]) => (
          <TrackRow
            key={`${row.id}${ghost ? "-ghost" : ""}`}
            track={row}
            classes={task.view.classes}
            times={times}
            duration={duration}
            selected={!ghost && same(task.selected.value, { capture, id: row.id })}
            ghost={ghost}
            onSelect={(id) => (ghost ? task.restore({ capture, id }) : editor.select({ capture, id }))}
            onFrame={onFrame}
          />
        ))}
      </Timeline>
    </div>
  );
}

function SoundWord({ state }: { state: "loading" | "failed" | "ready" }): preact.JSX.Element | null {
  if (state === "ready") return null;
  return <span class="transport-word">{state === "loading" ? "Loading the sound" : "The sound cannot be played"}</span>;
}

/** What the selected track does on this frame, in words. */
function place(track: TrackLabel, frame: number, times: readonly number[]): string {
  const key = tracks.keyframeAt(track.keyframes, frame);
  const here = tracks.boxAt(track.keyframes, frame, times) !== null;
  if (tracks.isUnseen(track.keyframes, frame)) return "not seen here: filled in";
  if (key) return key.visible ? "◆ keyframe" : "◇ not in the picture from here";
  if (!here) return "not in the picture";
  return tracks.attributesAt(track.keyframes, frame)["occluded"] === true ? "covered" : "between keyframes";
}

function nearestFrame(times: readonly number[], us: number): number {
  let best = 0;
  for (let i = 1; i < times.length; i += 1) {
    if (Math.abs((times[i] as number) - us) <= Math.abs((times[best] as number) - us)) best = i;
    else break;
  }
  return best;
}

export const mount = mounting((context) => new VideoEditor(context), VideoView);
