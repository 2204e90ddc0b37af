/** Spoken answers: the whole recording to listen to, and the one text that says what was said. */
import { signal } from "@preact/signals";
import { render } from "preact";
import type { TextLabel } from "../../api/types";
import type { Stroke } from "../../model/keys";
import type { OpenTask } from "../../state/task";
import { Unready } from "../../ui/parts";
import { SECOND_US, SoundDesk, type Heard } from "../audio/desk";
import { Transport } from "../audio/transport";
import { Wave } from "../audio/wave";
import { mediumUnready, type Editor, type EditorContext, type Mount } from "../editor";
import type { MediaSet } from "../load";
import { Timeline } from "../timeline/timeline";
import { OneText } from "./onetext";
import { Asked, Written } from "./written";

/** How far an arrow with Shift moves the playhead, in steps of an arrow alone. */
const FAR = 5;

export class SpokenEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly desk: SoundDesk;
  readonly text = new OneText(this.task, "audio");
  private media: MediaSet | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly context: EditorContext,
  ) {
    this.desk = new SoundDesk((now) => this.context.playing(now));
    render(<SpokenView editor={this} />, host);
  }

  load(task: OpenTask, media: MediaSet): void {
    this.media = media;
    this.task.value = task;
    this.text.begin();
    this.open();
  }

  open(): void {
    this.desk.open(this.media, this.text.capture());
  }

  unready(): string | null {
    return mediumUnready("The sound", [this.desk.state()]);
  }

  command(stroke: Stroke): boolean {
    const player = this.desk.player();
    const step = stroke.far ? FAR * SECOND_US : SECOND_US;
    switch (stroke.command) {
      case "play":
        player?.toggle();
        return true;
      case "play-all":
        player?.play(0);
        return true;
      case "left":
        player?.seek(player.now.peek() - step);
        return true;
      case "right":
        player?.seek(player.now.peek() + step);
        return true;
      case "write":
        this.write();
        return true;
      case "draw":
        if (this.text.label()) this.context.say("There is one answer here: W writes in it.");
        else this.write();
        return true;
      case "language":
        this.host.querySelector("select")?.focus();
        return true;
      case "undo":
        return this.text.bringBack();
      default:
        return this.desk.command(stroke);
    }
  }

  private write(): void {
    this.host.querySelector("textarea")?.focus();
  }

  dispose(): void {
    this.desk.close();
    this.task.value = null;
    render(null, this.host);
  }
}

function SpokenView({ editor }: { editor: SpokenEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.desk.shown.value;
  if (!task) return <div class="medium" />;
  if (shown.state !== "ready") return <Unready shown={shown} what="the answer" retry={() => editor.open()} />;
  return (
    <div class="medium medium-text">
      <section class="answer">
        <Asked task={task} />
        <h2>
          Spoken <span class="note">the whole answer</span>
        </h2>
        <Recording key={task.id} editor={editor} heard={shown} />
        <Written
          key={task.id}
          text={editor.text}
          task={task}
          title="Written"
          name="What was said"
          standing={(label) => standing(editor, task, label)}
          before={heardBefore(editor, task)}
        >
          {" "}
          · <kbd>Ctrl Space</kbd> plays while you write
        </Written>
      </section>
    </div>
  );
}

function Recording({ editor, heard }: { editor: SpokenEditor; heard: Heard }): preact.JSX.Element {
  const { player, peaks, arrived } = heard;
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
        zoom={editor.desk.zoom}
        label="Waveform of the answer"
        keepsField
        seen={editor.desk.seen}
        onSeek={(us) => player.seek(us)}
      >
        <div class="wave-row">
          <Wave peaks={peaks} sound={heard.sound} duration={player.duration} seen={editor.desk.seen} />
        </div>
      </Timeline>
    </div>
  );
}

/** What a recogniser wrote. */
function heardBefore(editor: SpokenEditor, task: OpenTask): string | null {
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

export const mount: Mount = (host, context) => new SpokenEditor(host, context);
