/** What was said in each region: its text, its words and their times, what the script expected. */
import { createRef } from "preact";
import { useComputed } from "@preact/signals";
import type { IntervalLabel } from "../../api/types";
import { clock } from "../../model/time";
import type { OpenTask } from "../../state/task";
import { TextField } from "../../ui/parts";
import { Pure } from "../../ui/pure";
import { classNames, lookOf } from "../../ui/words";
import type { AudioEditor } from "./editor";
import { channelName, wordAt } from "./regions";

export function Transcript({ editor, task }: { editor: AudioEditor; task: OpenTask }): preact.JSX.Element {
  const regions = editor.regions(task);
  const chosen = task.selected.value?.id;
  if (regions.length === 0) {
    return (
      <div class="words words-none">
        No speech is marked. <kbd>N</kbd> marks a region at the playhead, <kbd>Enter</kbd> confirms that there is none.
      </div>
    );
  }
  const whole = editor.wholePrompt();
  const channels = editor.capture()?.format.channels ?? null;
  return (
    <ol class="words">
      {regions.map((label) => (
        <Row
          key={label.id}
          editor={editor}
          task={task}
          label={label}
          channel={channelName(label.channel, channels)}
          expected={label.expected ?? whole}
          selected={label.id === chosen}
        />
      ))}
    </ol>
  );
}

interface RowProps {
  editor: AudioEditor;
  task: OpenTask;
  label: IntervalLabel;
  channel: string | null;
  expected: string | null;
  selected: boolean;
}

class Row extends Pure<RowProps> {
  private readonly host = createRef<HTMLLIElement>();

  override componentDidMount(): void {
    if (this.props.selected) this.host.current?.scrollIntoView({ block: "nearest" });
  }

  override componentDidUpdate(before: RowProps): void {
    if (this.props.selected && !before.selected) this.host.current?.scrollIntoView({ block: "nearest" });
  }

  override render(): preact.JSX.Element {
    const { editor, task, label, channel, expected, selected } = this.props;
    const look = lookOf(label, task.view.classes);
    return (
      <li
        ref={this.host}
        data-region={label.id}
        data-text-of={label.id}
        class={classNames("word", selected && "word-selected")}
        style={`--colour: var(--label-${look.colour})`}
      >
        <button type="button" tabIndex={-1} class="word-time" onClick={() => editor.select(label.id)}>
          ▶ {clock(label.start_us)} – {clock(label.end_us)} {channel && <i class="channel">{channel}</i>}
        </button>
        <TextField
          value={label.text ?? ""}
          label={`What was said from ${clock(label.start_us)}`}
          lang={task.view.language}
          oneLine
          placeholder={selected ? "W: write what was said" : "what was said"}
          onText={(text) => editor.setText(label.id, text)}
          onFocus={() => {
            if (!selected) editor.select(label.id);
          }}
          onLeave={() => task.commit()}
        />
        {expected !== null && label.text !== expected && (
          <button
            type="button"
            tabIndex={-1}
            class="word-expected"
            title="Use the expected text"
            onClick={() => {
              editor.setText(label.id, expected);
              task.commit();
            }}
          >
            <kbd>E</kbd> “{expected}”
          </button>
        )}
        {expected !== null && label.text === expected && <span class="word-same">✓ as expected</span>}
        {selected && label.words && label.words.length > 0 && <Timed editor={editor} label={label} />}
      </li>
    );
  }
}

/** The words of the selected region with the time at which each begins; a click listens from there. */
function Timed({ editor, label }: { editor: AudioEditor; label: IntervalLabel }): preact.JSX.Element {
  const player = editor.player();
  const words = label.words ?? [];
  const said = useComputed(() => (player && wordAt(words, player.now.value)?.start_us) ?? null).value;
  return (
    <p class="word-chips">
      {words.map((word) => (
        <button
          key={`${word.start_us} ${word.text}`}
          type="button"
          tabIndex={-1}
          class={classNames("word-chip", word.start_us === said && "word-chip-said")}
          title={`${clock(word.start_us)} – ${clock(word.end_us)}`}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => player?.play(word.start_us, label.end_us)}
        >
          <bdi>{word.text}</bdi>
          <i>{(word.start_us / 1e6).toFixed(2)}</i>
        </button>
      ))}
    </p>
  );
}
