/** Which names of a study fit what was typed, the best ones first. Pure. */

/** How well a name fits: the lower the better; null: not at all. */
function fit(name: string, typed: string): number | null {
  const here = folded(name);
  if (here === typed) return 0;
  if (here.startsWith(typed)) return 1;
  if (here.split(/[\s_\-/.:]+/).some((word) => word.startsWith(typed))) return 2;
  return here.includes(typed) ? 3 : null;
}

/** Without case and accents: `Löffel` is found by `loff`. */
const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** The names that fit, best first, equal ones in the order of the study. Nothing typed: all of them. */
export function namesFor(names: readonly string[], typed: string): string[] {
  const wanted = folded(typed.trim());
  if (wanted === "") return names.slice();
  return names
    .map((name) => ({ name, fit: fit(name, wanted) }))
    .filter((row): row is { name: string; fit: number } => row.fit !== null)
    .sort((a, b) => a.fit - b.fit)
    .map((row) => row.name);
}

/** The names that have a key of their own: 1 to 9. */
export const MAX_DIGITS = 9;
