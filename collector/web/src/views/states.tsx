/** The states that are not work: starting, nothing to do, resting, signed out, out of reach. Each says what to do. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { Problem, type Unreachable } from "../api/client";
import type { Store } from "../state/store";
import { nextTheme } from "../ui/theme";

interface CardProps {
  title: string;
  name: string;
  keys?: Record<string, () => void>;
  children: ComponentChildren;
}

/** One thought, in the middle of the page. `keys` are its plain keys. */
function Card({ title, name, keys, children }: CardProps): preact.JSX.Element {
  // Before it is seen: a quick hand's first key counts.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const action = event.key.toLowerCase() === "d" ? () => void nextTheme() : keys?.[event.key.toLowerCase()];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <main class="card-page" data-state={name}>
      <section class="card">
        <h1>{title}</h1>
        {children}
      </section>
    </main>
  );
}

export function Starting(): preact.JSX.Element {
  return (
    <main class="card-page" data-state="starting">
      <p class="quiet" role="status">
        One moment.
      </p>
    </main>
  );
}

function done(store: Store): string {
  const count = store.progress.value?.done_today ?? 0;
  if (count === 0) return "Nothing is waiting to be reviewed.";
  return count === 1
    ? "That was the only one: one item done today. Thank you."
    : `That was all: ${count} items done today. Thank you.`;
}

export function Empty({ store }: { store: Store }): preact.JSX.Element {
  const back = (): void => void store.back();
  const waiting = store.outbox.waiting.value.length;
  return (
    <Card title="All caught up" name="empty" keys={{ b: back }}>
      <p>{done(store)}</p>
      <p>
        New items appear here by themselves as soon as a session has sent its recordings; this page looks every five
        seconds. If you expected work now, ask your lead which study comes next.
      </p>
      {waiting > 0 && (
        <p class="caveat">
          {waiting} of your answers {waiting === 1 ? "is" : "are"} still on the way:{" "}
          {store.outbox.trouble.value ?? "sending"}.
        </p>
      )}
      {store.notice.value && (
        <p class={store.notice.value.kind === "care" ? "caveat" : "note"} role="status">
          {store.notice.value.text}
        </p>
      )}
      <p class="actions">
        {store.canGoBack && (
          <button type="button" onClick={back}>
            <kbd>B</kbd> back to your last one
          </button>
        )}
        {store.me.role === "lead" && (
          <a class="button" href="#today">
            Today's numbers
          </a>
        )}
      </p>
    </Card>
  );
}

export function Resting({ store }: { store: Store }): preact.JSX.Element {
  const go = (): void => void store.advance();
  return (
    <Card title="Everything is given back" name="resting" keys={{ enter: go, b: () => void store.back(), q: () => void store.leave() }}>
      <p>Nothing is reserved for you now. What you began is kept as a draft and comes back with its item.</p>
      <p class="actions">
        <button type="button" class="primary" onClick={go}>
          <kbd>Enter</kbd> take the next item
        </button>
        <button type="button" onClick={() => void store.leave()}>
          <kbd>Q</kbd> sign out
        </button>
        {store.me.role === "lead" && (
          <a class="button" href="#today">
            Today's numbers
          </a>
        )}
      </p>
    </Card>
  );
}

export function SignedOut({ waiting }: { waiting: number }): preact.JSX.Element {
  return (
    <Card title="This page needs a link of your own" name="signed-out">
      <p>You are not signed in here, or your link has expired. Links work once; ask your lead for a new one:</p>
      <pre>
        <code>gleaner collector user link NAME</code>
      </pre>
      <p>
        Nothing is lost: what you had begun is kept in this browser and comes back when you open the new link in it.
      </p>
      {waiting > 0 && (
        <p class="caveat">
          {waiting} {waiting === 1 ? "answer waits" : "answers wait"} here and will be sent then.
        </p>
      )}
    </Card>
  );
}

export function Failed({ problem, retry }: { problem: Problem | Unreachable; retry: () => void }): preact.JSX.Element {
  const answered = problem instanceof Problem;
  return (
    <Card
      title={answered ? "The collector cannot go on" : "The collector does not answer"}
      name="failed"
      keys={{ enter: retry }}
    >
      <p>
        {answered
          ? `${problem.title} ${problem.hint}`
          : "Either the network is away or the collector is not running. This page tries again every few seconds."}
      </p>
      <p>Nothing is lost: drafts and unsent answers are kept in this browser.</p>
      {answered && <p class="note">code {problem.code}</p>}
      <p class="actions">
        <button type="button" class="primary" onClick={retry}>
          <kbd>Enter</kbd> try now
        </button>
      </p>
    </Card>
  );
}
