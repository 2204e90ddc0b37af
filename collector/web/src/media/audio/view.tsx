/** What a speech task looks like: the room beside it, the waveform with regions, the words. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { CaptureView } from "../../api/types";
import type { OpenTask } from "../../state/task";
import { Unready } from "../../ui/parts";
import { MarkedTexts } from "../text/marked";
import { percent, Timeline } from "../timeline/timeline";
import type { Heard } from "./desk";
import { isInterval, type AudioEditor } from "./editor";
import type { SoundPlayer } from "./sound";
import { Regions, WordTimes } from "./regions";
import { Transcript } from "./transcript";
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
      <Transcript editor={editor} task={task} />
      <MarkedTexts task={task} capture={editor.capture()?.id ?? ""} written={null} />
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
  const { player, peaks, sound, arrived } = shown;
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
        zoom={editor.desk.zoom}
        label="Waveform with speech regions"
        seen={editor.desk.seen}
        onSeek={(us) => {
          player.pause();
          player.seek(us);
        }}
        onDrag={(from, to) => editor.create(from, to)}
      >
        <div class="wave-row">
          <Wave peaks={peaks} sound={sound} duration={player.duration} seen={editor.desk.seen} />
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
          <Regions
            editor={editor}
            task={task}
            regions={regions}
            duration={player.duration}
            seen={editor.desk.seen}
          />
        </div>
        <WordTimes regions={regions} now={player.now} duration={player.duration} seen={editor.desk.seen} />
      </Timeline>
    </div>
  );
}
