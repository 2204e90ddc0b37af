/** Spoken answers: the whole recording to listen to, and the one text that says what was said. */
import { signal } from "@preact/signals";
import type { Stroke } from "../../model/keys";
import type { OpenTask } from "../../state/task";
import { SECOND_US, SoundControls } from "../audio/soundcontrols";
import type { Editor, EditorContext } from "../editor";
import type { TaskMedia } from "../load";
import { mediumUnready } from "../loading";
import { OneText } from "./onetext";

/** How far an arrow with Shift moves the playhead, in steps of an arrow alone. */
const FAR = 5;

export class SpokenEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly sound: SoundControls;
  readonly text = new OneText(this.task, "audio");
  private media: TaskMedia | null = null;

  constructor(private readonly context: EditorContext) {
    this.sound = new SoundControls((now) => this.context.playing(now));
  }

  load(task: OpenTask, media: TaskMedia): void {
    this.media = media;
    this.task.value = task;
    this.text.begin();
    this.open();
  }

  open(): void {
    this.sound.open(this.media, this.text.capture());
  }

  unready(): string | null {
    return mediumUnready("The sound", [this.sound.progress()]);
  }

  command(stroke: Stroke): boolean {
    const player = this.sound.player();
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
        if (this.text.label()) this.context.notify("This item has one answer. Press W to edit it.");
        else this.write();
        return true;
      case "language":
        this.context.focus("language");
        return true;
      case "undo":
        return this.text.restore();
      default:
        return this.sound.command(stroke);
    }
  }

  private write(): void {
    this.context.focus("text");
  }

  dispose(): void {
    this.sound.close();
    this.task.value = null;
  }
}
