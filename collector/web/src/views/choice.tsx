/** A field of a form with a few values to choose from. */

interface ChoiceProps {
  label: string;
  name?: string;
  /** Values and their words, in order. */
  options: readonly (readonly [value: string, word: string])[];
  /** Where the page follows it; else the form has it. */
  value?: string;
  onChoose?(value: string): void;
}

export function Choice({ label, name, options, value, onChoose }: ChoiceProps): preact.JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select name={name} value={value} onChange={(event) => onChoose?.(event.currentTarget.value)}>
        {options.map(([one, word]) => (
          <option key={one} value={one}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Names that are their own words, behind what stands for all of them. */
export function withAll(all: string, names: readonly string[]): readonly (readonly [string, string])[] {
  return [["", all], ...names.map((name) => [name, name] as const)];
}
