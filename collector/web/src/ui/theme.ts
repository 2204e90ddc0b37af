/** Light, dark, or as the system says; remembered in this browser. */
import { signal } from "@preact/signals";
import { keep, kept, StorageFull } from "../state/storage";

export type Theme = "system" | "light" | "dark";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(known(kept<Theme>("theme")));

function known(wish: Theme | null): Theme {
  return ORDER.find((t) => t === wish) ?? "system";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme.value;
}

export function nextTheme(): Theme {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] as Theme;
  try {
    keep("theme", theme.value);
  } catch (error) {
    if (!(error instanceof StorageFull)) throw error;
  }
  applyTheme();
  return theme.value;
}
