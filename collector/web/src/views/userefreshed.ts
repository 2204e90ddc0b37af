/** A value of the collector that is asked for again every so often, and after something changed. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { expectRefusal, Problem } from "../api/client";
import type { Store } from "../state/store";

export interface Refreshed<T> {
  value: T | null;
  /** Why the newest value could not be had. */
  trouble: string | null;
  refresh(): void;
}

/** How long until it is asked for again; null: not before `refresh`. `newest`: null where it could not be had. */
export type Pause<T> = (newest: T | null) => number | null;

export function useRefreshed<T>(store: Store, ask: () => Promise<T>, pause: number | Pause<T>): Refreshed<T> {
  const [value, setValue] = useState<T | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const refresh = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    let here = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askLater = (newest: T | null): void => {
      const ms = typeof pause === "number" ? pause : pause(newest);
      if (ms !== null) timer = setTimeout(refresh, ms);
    };
    ask().then(
      (found) => {
        if (!here) return;
        setValue(found);
        setTrouble(null);
        askLater(found);
      },
      (error: unknown) => {
        if (!here) return;
        expectRefusal(error);
        if (error instanceof Problem && error.status === 401) store.signOut();
        setTrouble(error.message);
        askLater(null);
      },
    );
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [store, ask, pause, turn, refresh]);
  return { value, trouble, refresh };
}
