/** Which reviewed items the report is about: a study, a model, a day. */
import { Choice, withAll } from "../choice";
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
      <Choice
        label="Study"
        options={withAll("every study", offered(studies, filter.study))}
        value={filter.study ?? ""}
        onChoose={(v) => set("study", v)}
      />
      <Choice
        label="Model"
        options={withAll("every model", offered(models, filter.model))}
        value={filter.model ?? ""}
        onChoose={(v) => set("model", v)}
      />
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

/** What is chosen stays offered, also where it is not known here. */
function offered(names: readonly string[], chosen: string | undefined): readonly string[] {
  return chosen && !names.includes(chosen) ? [...names, chosen] : names;
}
