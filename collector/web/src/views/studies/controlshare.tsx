/** The share of new items of a study that people see without pre-labels. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { StudyRow } from "../../api/types";
import { useChange } from "./usechange";

interface ControlShareProps {
  study: StudyRow;
  onChanged(): void;
}

/** A share as it is shown in percent, without what binary fractions add: 0.07 is 7. */
const percentOf = (share: number): string => String(Number((share * 100).toFixed(4)));

export function ControlShare({ study, onChanged }: ControlShareProps): preact.JSX.Element {
  const saved = percentOf(study.control_share);
  const [typed, setTyped] = useState(saved);
  const shown = useRef(saved);
  const { said, setSaid, change } = useChange(study.id, onChanged);
  // What was typed meanwhile stays.
  useEffect(() => {
    setTyped((now) => (now === shown.current ? saved : now));
    shown.current = saved;
  }, [saved]);
  return (
    <form
      class="study-setting"
      aria-label={`Items of ${study.id} without pre-labels`}
      onSubmit={(event) => {
        event.preventDefault();
        void change({ control_share: Number(typed) / 100 }, (made) => `Saved: ${percentOf(made.control_share)} % of new items.`);
      }}
    >
      <h3>Items without pre-labels</h3>
      <p>
        So many new items, picked at random, are shown without what the models said. From them the reports estimate how
        good the models are and what they save. Items that are here already stay as they are.
      </p>
      <p class="study-share">
        <label>
          <input
            type="number"
            min={0}
            max={100}
            step="any"
            required
            value={typed}
            aria-label={`Percent of new items of ${study.id} without pre-labels`}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setSaid("");
            }}
          />{" "}
          % of new items
        </label>
        <button type="submit" disabled={typed === saved}>
          Save
        </button>
        <span class="note" role="status">
          {said}
        </span>
      </p>
    </form>
  );
}
