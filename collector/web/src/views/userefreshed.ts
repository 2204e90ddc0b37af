/** A value of the collector that is asked for again every so often, and after something changed. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { Problem, Unreachable } from "../api/client";
import type { Store } from "../state/store";

export interface Refreshed<T> {
  value: T | null;
  /** Why the newest value could not be had. */
  trouble: string | null;
  refresh(): void;
}

export function useRefreshed<T>(store: Store, ask: () => Promise<T>, everyMs: number): Refreshed<T> {
  const [value, setValue] = useState<T | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const refresh = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    let here = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    ask()
      .then(
        (found) => {
          if (!here) return;
          setValue(found);
          setTrouble(null);
        },
        (error: unknown) => {
          if (!here) return;
          if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
          if (error instanceof Problem && error.status === 401) store.phase.value = "signed-out";
          setTrouble(error.message);
        },
      )
      .finally(() => {
        if (here) timer = setTimeout(refresh, everyMs);
      });
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [store, ask, everyMs, turn, refresh]);
  return { value, trouble, refresh };
}
