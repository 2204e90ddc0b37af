/** What the collector in memory gives a person for what the browser stores of them. */
import { PrivateStorage } from "../state/private";

/** A person's entries in the browser are named by this. */
export const storeOf = (person: string): string =>
  Array.from(person, (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");

/** 64 hex digits, another for each person. */
export const keyOf = (person: string): string => storeOf(person).padEnd(64, "a5");

export const privateOf = (person: string): PrivateStorage =>
  new PrivateStorage({ name: person, store: storeOf(person), key: keyOf(person) });
