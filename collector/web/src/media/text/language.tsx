/** The language of a text: a BCP 47 tag, chosen from a list where the text's own and the task's stand first. */

const LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ar", "he", "hi", "zh", "ja", "ko"];

export function LanguageChoice({
  value,
  first,
  onChoose,
}: {
  value: string | null;
  first: string | undefined;
  onChoose(tag: string): void;
}): preact.JSX.Element {
  const offered = [...new Set([value, first, ...LANGUAGES].filter((tag): tag is string => Boolean(tag)))];
  return (
    <label>
      <kbd>L</kbd> language{" "}
      <select value={value ?? ""} onChange={(event) => onChoose(event.currentTarget.value)}>
        {!value && <option value="">not set</option>}
        {offered.map((tag) => (
          <option key={tag} value={tag}>
            {languageName(tag)}
          </option>
        ))}
      </select>
    </label>
  );
}

function languageName(tag: string): string {
  try {
    return `${new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? tag} (${tag})`;
  } catch {
    return tag;
  }
}
