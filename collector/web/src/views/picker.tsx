/** Every name of the study, by typing a part of it: for the tenth name and all that follow. */
import { useMemo, useRef, useState } from "preact/hooks";
import { MAX_DIGITS, namesFor } from "../model/names";
import type { OpenTask } from "../state/task";
import type { Keyboard } from "./keyboard";
import { Modal } from "./modal";

/** More rows than a person reads; typing finds the rest. */
const MAX_ROWS = 100;

/** The names to choose from: those of the study, or the ones in use where the study takes any. */
function namesOf(task: OpenTask): string[] {
  if (task.view.classes.length > 0) return task.view.classes.slice();
  return [...new Set(Object.values(task.work.value).flatMap((labels) => labels.map((l) => l.label)))].sort();
}

export function NamesDialog({ keyboard, task }: { keyboard: Keyboard; task: OpenTask }): preact.JSX.Element {
  const names = useMemo(() => namesOf(task), [task]);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const found = useMemo(() => namesFor(names, typed), [names, typed]);
  // A study without a list of names takes any.
  const own = task.view.classes.length === 0 && typed.trim() !== "" && !found.includes(typed.trim());
  const rows = [...found.slice(0, MAX_ROWS), ...(own ? [typed.trim()] : [])];
  const current = Math.min(at, rows.length - 1);
  const choose = (name: string | undefined): void => {
    if (name === undefined) return;
    keyboard.dialog.value = null;
    keyboard.name(name);
  };
  const go = (to: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const press = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const moves: Record<string, number> = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + 8, PageUp: current - 8 };
    const to = moves[event.key];
    if (to !== undefined) go(to);
    else if (event.key === "Enter" && !event.repeat) choose(rows[current]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Modal name="Choose a name" small onClose={() => (keyboard.dialog.value = null)}>
      <h2 class="dialog-title">
        Choose a name{" "}
        <span class="note">
          <kbd>Enter</kbd> chooses, <kbd>Esc</kbd> closes
        </span>
      </h2>
      <input
        class="field"
        data-first
        role="combobox"
        aria-expanded="true"
        aria-controls="names-found"
        aria-autocomplete="list"
        aria-label="A part of the name"
        aria-activedescendant={rows.length > 0 ? `name-${current}` : undefined}
        placeholder="Type a part of the name"
        autocomplete="off"
        spellcheck={false}
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
          if (list.current) list.current.scrollTop = 0;
        }}
        onKeyDown={press}
      />
      <ul class="names-found" id="names-found" role="listbox" aria-label="Names that fit" ref={list}>
        {rows.map((name, index) => {
          const place = names.indexOf(name);
          return (
            <li
              key={name}
              id={`name-${index}`}
              role="option"
              aria-selected={index === current}
              style={`--colour: var(--label-${Math.max(0, place) % 7})`}
              onClick={() => choose(name)}
            >
              <span class="swatch" />
              <span class="names-word">{name}</span>
              {place >= 0 && place < MAX_DIGITS && <kbd>{place + 1}</kbd>}
            </li>
          );
        })}
      </ul>
      <p class="note" role="status">
        {rows.length === 0 ? "No name fits." : `${found.length} of ${names.length} names`}
      </p>
    </Modal>
  );
}
