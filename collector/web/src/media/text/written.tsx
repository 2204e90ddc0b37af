/** What a person sees of the one text of a take: what was asked, the field, its language and what became of it. */
import type { ComponentChildren } from "preact";
import type { TextLabel } from "../../api/types";
import type { OpenTask } from "../../state/task";
import { TextField } from "../../ui/parts";
import { characters } from "../../ui/words";
import { Changed } from "./changed";
import { LanguageChoice } from "./language";
import { MarkedTexts } from "./marked";
import type { OneText } from "./onetext";

export function Asked({ task }: { task: OpenTask }): preact.JSX.Element {
  return (
    <>
      <h2>Asked</h2>
      <p class="answer-asked" lang={task.view.language}>
        {task.view.prompt}
      </p>
    </>
  );
}

interface WrittenProps {
  text: OneText;
  task: OpenTask;
  title: string;
  /** The field's name for a screen reader. */
  name: string;
  /** What became of a text: "✓ as typed" and the like, null when it was changed. */
  standing(label: TextLabel): string | null;
  /** What the text is a correction of; null: nothing stood there before. */
  before: string | null;
  /** Keys that help while writing, beside W and Esc. */
  children?: ComponentChildren;
}

export function Written({ text, task, title, name, standing, before, children }: WrittenProps): preact.JSX.Element {
  const label = text.label();
  const language = text.language();
  return (
    <>
      <h2>
        {title}{" "}
        <span class="note">
          <kbd>W</kbd> write · <kbd>Esc</kbd> leave{children}
        </span>
      </h2>
      <TextField
        value={label?.text ?? ""}
        label={name}
        lang={language ?? task.view.language}
        rows={3}
        class="field answer-field"
        placeholder={name}
        onText={(said) => text.setText(said)}
        onLeave={() => task.commit()}
      />
      <p class="answer-facts">
        <LanguageChoice value={language} first={task.view.language} onChoose={(tag) => text.setLanguage(tag)} />
        {label ? <GivenAnswer label={label} standing={standing(label)} /> : <NoAnswer text={text} task={task} />}
      </p>
      {label && before !== null && (
        <Changed before={before} after={label.text} lang={label.language ?? task.view.language} />
      )}
      <MarkedTexts task={task} capture={text.capture()?.id ?? ""} written={label?.id ?? null} />
    </>
  );
}

function GivenAnswer({ label, standing }: { label: TextLabel; standing: string | null }): preact.JSX.Element {
  return (
    <>
      <span>{characters(label.text)}</span>
      <span class={standing === null ? "word-changed" : "word-same"}>{standing ?? "changed"}</span>
    </>
  );
}

/** An empty field: what it says when it is submitted, and the way back. */
function NoAnswer({ text, task }: { text: OneText; task: OpenTask }): preact.JSX.Element {
  if (!task.touched && !text.rejected())
    return <span class="word-same">nothing written yet · accepting confirms that there is no usable answer</span>;
  return (
    <span class="word-changed">
      rejected: no usable answer{" "}
      <button type="button" tabIndex={-1} onClick={() => text.restore() || task.undo()}>
        <kbd>U</kbd> restore it
      </button>
    </span>
  );
}
