/** Which reviewed items the report is about: a study, a model, a day. */
import { useStudies } from "../usestudies";
import type { Filter } from "./usereport";

interface FiltersProps {
  filter: Filter;
  models: readonly string[];
  onChoose(filter: Filter): void;
}

export function Filters({ filter, models, onChoose }: FiltersProps): preact.JSX.Element {
  const studies = useStudies();
  const set = (name: keyof Filter, value: string): void => {
    const { [name]: _before, ...rest } = filter;
    onChoose(value ? { ...rest, [name]: value } : rest);
  };
  return (
    <form class="filters" aria-label="What the report is about" onSubmit={(event) => event.preventDefault()}>
      <Choice name="Study" all="every study" value={filter.study} of={studies} onChoose={(v) => set("study", v)} />
      <Choice name="Model" all="every model" value={filter.model} of={models} onChoose={(v) => set("model", v)} />
      <label>
        <span>Submitted since</span>
        <input type="date" value={filter.since ?? ""} onChange={(event) => set("since", event.currentTarget.value)} />
      </label>
      {Object.keys(filter).length > 0 && (
        <button type="button" onClick={() => onChoose({})}>
          Show everything
        </button>
      )}
    </form>
  );
}

interface ChoiceProps {
  name: string;
  all: string;
  value: string | undefined;
  of: readonly string[];
  onChoose(value: string): void;
}

function Choice({ name, all, value, of, onChoose }: ChoiceProps): preact.JSX.Element {
  const offered = value && !of.includes(value) ? [...of, value] : of;
  return (
    <label>
      <span>{name}</span>
      <select value={value ?? ""} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">{all}</option>
        {offered.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
