/** What a spoken answer looks like: the whole recording to listen to, and the text that was said. */
import type { TextLabel } from "../../api/types";
import type { OpenTask } from "../../state/task";
import { Unready } from "../../ui/parts";
import type { LoadedSound } from "../audio/soundcontrols";
import { Transport } from "../audio/transport";
import { Wave } from "../audio/wave";
import { mounting } from "../mount";
import { Timeline } from "../timeline/timeline";
import { SpokenEditor } from "./spoken";
import { Asked, Written } from "./written";

function SpokenView({ editor }: { editor: SpokenEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.sound.state.value;
  if (!task) return <div class="medium" />;
  if (shown.state !== "ready") return <Unready shown={shown} what="the answer" retry={() => editor.open()} />;
  return (
    <div class="medium medium-text">
      <section class="answer">
        <Asked task={task} />
        <h2>
          Spoken <span class="note">the whole answer</span>
        </h2>
        <Recording key={task.id} editor={editor} sound={shown.medium} />
        <Written
          key={task.id}
          text={editor.text}
          task={task}
          title="Written"
          name="What was said"
          standing={(label) => standing(editor, task, label)}
          before={transcriptBefore(editor, task)}
        >
          {" "}
          · <kbd>Ctrl Space</kbd> plays while you write
        </Written>
      </section>
    </div>
  );
}

function Recording({ editor, sound }: { editor: SpokenEditor; sound: LoadedSound }): preact.JSX.Element {
  const { player, peaks, arrived } = sound;
  return (
    <div class="answer-sound rows-sound">
      <Transport player={player} arrived={arrived} onToggle={() => player.toggle()}>
        <span class="transport-word">
          <kbd>←</kbd> <kbd>→</kbd> one second
        </span>
      </Transport>
      <Timeline
        duration={player.duration}
        now={player.now}
        zoom={editor.sound.zoom}
        label="Waveform of the answer"
        keepsField
        seen={editor.sound.seen}
        onSeek={(us) => player.seek(us)}
      >
        <div class="wave-row">
          <Wave peaks={peaks} sound={sound.url} duration={player.duration} seen={editor.sound.seen} />
        </div>
      </Timeline>
    </div>
  );
}

/** What a recogniser wrote. */
function transcriptBefore(editor: SpokenEditor, task: OpenTask): string | null {
  const id = editor.text.label()?.id ?? "";
  const before = task.beforeOf({ capture: editor.text.capture()?.id ?? "", id });
  return before?.kind === "text" ? before.text : null;
}

/** What became of the text; null when a person changed what a model heard. */
function standing(editor: SpokenEditor, task: OpenTask, label: TextLabel): string | null {
  const before = task.beforeOf({ capture: editor.text.capture()?.id ?? "", id: label.id });
  if (before?.kind !== "text") return "✓ written by you";
  const same = before.text === label.text && (before.language ?? null) === (label.language ?? null);
  return same ? "✓ as the model heard" : null;
}

export const mount = mounting((context) => new SpokenEditor(context), SpokenView);
