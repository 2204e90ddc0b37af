/**
 * Earlier versions stored a person's unsent work in the clear, under the person's name. It is read once, when this
 * person opens the page. A draft for which nobody opens the page is deleted after two weeks, as it was by them.
 */
import { load, remove, savedNames, type Kind } from "./storage";

interface Entry {
  kind: Kind;
  id: string;
  value: unknown;
}

const MAX_DAYS = 14;
/** The id of the one entry of its kind. */
export const ONLY = "all";

/** `save` stores an entry in its new form; false: the browser refuses, and the old one stays. */
export function importPlain(person: string, save: (entry: Entry) => boolean): void {
  for (const name of namesOf(person)) if (entriesOf(name, person).every(save)) remove(name);
  // Which instructions were seen, by study: whoever sees a newer version next is only not told that it is newer.
  for (const name of savedNames("instructions.")) if (load<unknown>(name) !== null) remove(name);
  const oldest = Date.now() - MAX_DAYS * 86_400_000;
  for (const name of [...savedNames("draft."), ...savedNames("steps.")])
    if ((load<{ at?: number }>(name)?.at ?? Infinity) < oldest) remove(name);
}

const prefixOf = (kind: Kind, person: string): string =>
  `${kind}.${kind === "letter" ? encodeURIComponent(person) : person}.`;

/** Another person's name may begin with this one and a dot; the ids of tasks and answers have none. */
function namesOf(person: string): string[] {
  const many = (["draft", "steps", "letter"] as const).flatMap((kind) => {
    const prefix = prefixOf(kind, person);
    return savedNames(prefix).filter((name) => !name.slice(prefix.length).includes("."));
  });
  const single = [`outbox.${person}`, `submitted.${person}`];
  return [...many, ...single.filter((name) => savedNames(name).includes(name))];
}

function entriesOf(name: string, person: string): Entry[] {
  const value = load<unknown>(name);
  if (value === null) return [];
  if (name === `submitted.${person}`) return [{ kind: "submitted", id: ONLY, value }];
  // The first version had all unsent answers in one list.
  if (name === `outbox.${person}`)
    return (value as { body: { submit: string } }[]).map((one) => ({ kind: "letter", id: one.body.submit, value: one }));
  const kind = name.slice(0, name.indexOf(".")) as Kind;
  return [{ kind, id: name.slice(prefixOf(kind, person).length), value }];
}
