/** Light, dark, or as the system says; remembered in this browser. */
import { signal } from "@preact/signals";
import { load, save } from "../state/storage";

export type Theme = "system" | "light" | "dark";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(known(load<Theme>("theme")));

function known(wish: Theme | null): Theme {
  return ORDER.find((t) => t === wish) ?? "system";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme.value;
}

export function nextTheme(): Theme {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] as Theme;
  save("theme", theme.value);
  applyTheme();
  return theme.value;
}
