/** Which version of each study's instructions a person saw last in this browser. */
import { ONLY } from "./plain";
import type { PrivateStorage } from "./private";

type Versions = Record<string, number>;

/** Whether they changed since, and this version is the one that was seen from now on. */
export function haveChanged(storage: PrivateStorage, study: string, type: string, version: number): boolean {
  const seen = storage.load<Versions>("instructions", ONLY) ?? {};
  const name = `${study}.${type}`;
  const before = seen[name];
  if (before !== version) storage.save("instructions", ONLY, { ...seen, [name]: version });
  return before !== undefined && before !== version;
}
