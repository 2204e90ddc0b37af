import { surfaceOf } from "../model/keys";
import type { Store } from "../state/store";
import { nextTheme, theme } from "../ui/theme";
import { KINDS } from "../ui/words";
import type { Keyboard } from "./keyboard";
import { LEAD_PAGES, addressOf } from "./leadpages";

export function Header({ store, keyboard }: { store: Store; keyboard: Keyboard }): preact.JSX.Element {
  const view = store.current.value?.task.view;
  const progress = store.progress.value;
  return (
    <header class="top">
      <h1 class="sr-only">{view ? `Review of ${KINDS[surfaceOf(view)]}` : "Review"}</h1>
      <span class="top-where">
        {view ? (
          <>
            {view.study} <i aria-hidden="true">▸</i> {KINDS[surfaceOf(view)]}
          </>
        ) : (
          "Gleaner"
        )}
      </span>
      <span class="top-step">
        {view && (
          <>
            <span class="top-count">
              step {view.step_number} of {view.step_count} of the script ·{" "}
            </span>
            <q>{view.step_title}</q>
            {view.attempt > 1 && <> · attempt {view.attempt}</>}
          </>
        )}
      </span>
      <span class="top-progress" data-done={progress?.done_today ?? 0}>
        {progress && (
          <>
            <b>{progress.done_today}</b> done today{" "}
            <i>
              · {progress.open.toLocaleString("en")} open · {progress.per_minute.toFixed(1)} per minute
            </i>
          </>
        )}
      </span>
      <button type="button" aria-label="All keys" onClick={() => (keyboard.dialog.value = "keys")}>
        <kbd>?</kbd> <span class="top-word">keys</span>
      </button>
      <button
        type="button"
        aria-label={`Theme: ${theme.value}`}
        title={`Theme: ${theme.value} (D)`}
        onClick={() => void nextTheme()}
      >
        ◐
      </button>
      {store.me.role === "lead" &&
        LEAD_PAGES.map((page) => (
          <a key={page.path} class="button top-today" href={addressOf(page)}>
            {page.name}
          </a>
        ))}
      <span class="top-me" title={store.me.role}>
        {store.me.name}
      </span>
    </header>
  );
}
