/** The commands that change labels, as buttons: for touch, voice, and hands that do not know the keys yet. */
import { surfaceOf, type Command, type Surface } from "../model/keys";
import type { OpenTask } from "../state/task";
import type { Keyboard } from "./keyboard";

interface Tool {
  command: Command;
  sign: string;
  word: string;
  shown: string;
  on?: readonly Surface[];
  /** Whether there is anything that it could do. */
  can?(task: OpenTask): boolean;
}

const isSelected = (task: OpenTask): boolean => task.label() !== undefined;

const TOOLS: readonly Tool[] = [
  { command: "undo", sign: "↶", word: "undo", shown: "U", can: (task) => task.history.value.past.length > 0 },
  { command: "redo", sign: "↷", word: "redo", shown: "Shift U", can: (task) => task.history.value.future.length > 0 },
  { command: "draw", sign: "+", word: "new", shown: "N" },
  { command: "reject", sign: "✕", word: "reject", shown: "X", can: isSelected },
  { command: "zoom", sign: "⌕", word: "zoom", shown: "Z", on: ["boxes", "reading"], can: isSelected },
  { command: "keyframe", sign: "◆", word: "keyframe", shown: "K", on: ["tracks"], can: isSelected },
  { command: "hidden", sign: "◌", word: "hide", shown: "H", on: ["tracks"], can: isSelected },
  { command: "split", sign: "✂", word: "split", shown: "C", on: ["speech"], can: isSelected },
];

export function Tools({ task, keyboard }: { task: OpenTask | undefined; keyboard: Keyboard }): preact.JSX.Element {
  const surface = task ? surfaceOf(task.view) : null;
  const tools = TOOLS.filter((tool) => tool.on === undefined || (surface !== null && tool.on.includes(surface)));
  return (
    <span class="bar-tools" role="group" aria-label="Labels">
      {tools.map(({ command, sign, word, shown, can }) => (
        <button
          key={command}
          type="button"
          title={`${word} (${shown})`}
          disabled={!task || (can !== undefined && !can(task))}
          onClick={() => keyboard.run({ command, digit: 0, far: false })}
        >
          <span class="tool-sign" aria-hidden="true">
            {sign}
          </span>
          <span class="tool-word">{word}</span>
        </button>
      ))}
    </span>
  );
}
