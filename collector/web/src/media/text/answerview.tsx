/** What a typed answer looks like: the text, its language, and the original beside it. */
import { Unready } from "../../ui/parts";
import { mounting } from "../mount";
import { AnswerEditor } from "./answer";
import { Asked, Written } from "./written";

/** From so many letters on, what was typed and its correction stand beside each other where there is space. */
const LONG_TEXT = 300;

function AnswerView({ editor }: { editor: AnswerEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.original.state.value;
  if (!task) return <div class="medium" />;
  if (shown.state !== "ready") return <Unready shown={shown} what="the answer" retry={() => editor.open(task)} />;
  return (
    <div class="medium medium-text">
      <section class={shown.medium.length > LONG_TEXT ? "answer answer-long" : "answer"}>
        <Asked task={task} />
        <div class="answer-sides">
          <div class="answer-side">
            <h2>
              Typed <span class="note">the original, never changed</span>
            </h2>
            <blockquote class="answer-original" lang={task.view.language} dir="auto">
              {shown.medium}
            </blockquote>
          </div>
          <div class="answer-side">
            <Written
              key={task.id}
              text={editor.text}
              task={task}
              title="Corrected"
              name="The corrected answer"
              standing={(label) => (label.text === shown.medium ? "✓ as typed" : null)}
              before={shown.medium}
            />
          </div>
        </div>
      </section>
    </div>
  );
}

export const mount = mounting((context) => new AnswerEditor(context), AnswerView);
