/** What a speech task looks like: the videos beside it, the waveform with regions, the words. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { CaptureView } from "../../api/types";
import { isInterval } from "../../model/kinds";
import type { OpenTask } from "../../state/task";
import { Unready } from "../../ui/parts";
import { MarkedTexts } from "../text/marked";
import { percent, Timeline } from "../timeline/timeline";
import { Loader } from "../loading";
import { mounting } from "../mount";
import { playFrom, release } from "../playfrom";
import type { LoadedSound } from "./soundcontrols";
import { AudioEditor } from "./editor";
import type { SoundPlayer } from "./sound";
import { Regions, WordTimes } from "./regions";
import { Transcript } from "./transcript";
import { Transport } from "./transport";
import { Wave } from "./wave";

export function AudioView({ editor }: { editor: AudioEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.sound.state.value;
  if (!task) return <div class="medium" />;
  if (shown.state !== "ready") return <Unready shown={shown} what="the sound" retry={() => editor.open(task)} />;
  const videos = task.view.captures.filter((c) => c.medium === "video");
  return (
    <div class="medium medium-sound">
      {videos.length > 0 && (
        <div class="besides">
          {videos.map((video) => (
            <FollowingVideo key={video.id} editor={editor} capture={video} player={shown.medium.player} />
          ))}
        </div>
      )}
      <Sound key={task.id} editor={editor} task={task} loaded={shown.medium} />
      <Transcript editor={editor} task={task} />
      <MarkedTexts task={task} capture={editor.capture()?.id ?? ""} written={null} />
    </div>
  );
}

function FollowingVideo({
  editor,
  capture,
  player,
}: {
  editor: AudioEditor;
  capture: CaptureView;
  player: SoundPlayer;
}): preact.JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const video = useMemo(() => new Loader<string>(), []);
  useEffect(() => {
    video.load(editor.media, capture, "video", (medium) => medium.url);
    return () => video.reset();
  }, [capture]);
  const url = video.ready;
  useEffect(() => {
    const shown = element.current;
    if (!shown || !url) return undefined;
    playFrom(shown, url);
    return () => release(shown);
  }, [url]);
  useEffect(
    () =>
      element.current && url
        ? player.follow({ element: element.current, takeOffset: capture.take_offset_us })
        : undefined,
    [url, player],
  );
  if (video.state.value.state === "failed") return <div class="quiet">The video alongside cannot be shown. The sound is complete.</div>;
  return (
    <video
      ref={element}
      class="beside"
      muted
      playsInline
      preload="auto"
      aria-label={`${capture.sensor}, alongside the sound`}
    />
  );
}

function Sound({ editor, task, loaded }: { editor: AudioEditor; task: OpenTask; loaded: LoadedSound }): preact.JSX.Element {
  const { player, peaks, url, arrived } = loaded;
  const regions = editor.regions(task);
  const capture = editor.capture()?.id ?? "";
  const ghosts = task.ghosts.value.filter((g) => g.ref.capture === capture);
  return (
    <div class="rows rows-sound">
      <Transport player={player} arrived={arrived} onToggle={() => editor.toggle()}>
        <span class="transport-word">
          arrows move the {editor.edge.value} · <kbd>[</kbd> start <kbd>]</kbd> end
        </span>
      </Transport>
      <Timeline
        duration={player.duration}
        now={player.now}
        zoom={editor.sound.zoom}
        label="Waveform with speech regions"
        seen={editor.sound.seen}
        onSeek={(us) => {
          player.pause();
          player.seek(us);
        }}
        onDrag={(from, to) => editor.create(from, to)}
      >
        <div class="wave-row">
          <Wave peaks={peaks} sound={url} duration={player.duration} seen={editor.sound.seen} />
          {ghosts.map(
            ({ ref, label }) =>
              isInterval(label) && (
                <button
                  key={`${ref.id}-ghost`}
                  type="button"
                  tabIndex={-1}
                  data-own
                  class="region region-ghost"
                  title="Rejected. Click to restore."
                  style={{
                    left: percent(label.start_us, player.duration),
                    width: percent(label.end_us - label.start_us, player.duration),
                  }}
                  onClick={() => task.restore(ref)}
                />
              ),
          )}
          <Regions
            editor={editor}
            task={task}
            regions={regions}
            duration={player.duration}
            seen={editor.sound.seen}
          />
        </div>
        <WordTimes regions={regions} now={player.now} duration={player.duration} seen={editor.sound.seen} />
      </Timeline>
    </div>
  );
}

export const mount = mounting((context) => new AudioEditor(context), AudioView);
