/** The states that are not work: starting, nothing to do, resting, signed out, out of reach. Each says what to do. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { Problem, type Unreachable } from "../api/client";
import type { Ended } from "../state/session";
import type { Store } from "../state/store";
import { nextTheme } from "../ui/theme";

interface CardProps {
  title: string;
  name: string;
  keys?: Record<string, () => void>;
  children: ComponentChildren;
}

/** One thought, in the middle of the page. `keys` are its plain keys. */
export function Card({ title, name, keys, children }: CardProps): preact.JSX.Element {
  // Before it is seen: a quick hand's first key counts.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      // A focused button or link has its own Enter.
      if (event.key === "Enter" && event.target instanceof Element && event.target.closest("button, a[href]")) return;
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
  return `You have done ${count === 1 ? "1 item" : `${count} items`} today. Thank you.`;
}

export function Empty({ store }: { store: Store }): preact.JSX.Element {
  const back = (): void => void store.back();
  const leave = (): void => store.askToLeave();
  const waiting = store.outbox.waiting.value.length;
  const notice = store.notices.current.value;
  return (
    <Card title="All caught up" name="empty" keys={{ b: back, q: leave }}>
      <p>{done(store)}</p>
      <p>
        New items appear here automatically when a session has sent its recordings; this page checks every five seconds. If
        you expected work now, ask your lead which study comes next.
      </p>
      {waiting > 0 && (
        <p class="caveat">
          {waiting} of your answers {waiting === 1 ? "has" : "have"} not been sent yet:{" "}
          {store.outbox.trouble.value ?? "sending"}.
        </p>
      )}
      {notice && (
        <p class={notice.kind === "care" ? "caveat" : "note"} role="status">
          {notice.text}
        </p>
      )}
      <p class="actions">
        {store.canGoBack && (
          <button type="button" onClick={back}>
            <kbd>B</kbd> back to your last item
          </button>
        )}
        <button type="button" onClick={leave}>
          <kbd>Q</kbd> sign out
        </button>
        <LeadLink store={store} />
      </p>
    </Card>
  );
}

function LeadLink({ store }: { store: Store }): preact.JSX.Element | null {
  if (store.me.role !== "lead") return null;
  return (
    <a class="button" href="#today">
      Today's numbers
    </a>
  );
}

export function Resting({ store }: { store: Store }): preact.JSX.Element {
  const go = (): void => void store.advance();
  const leave = (): void => store.askToLeave();
  const count = store.released.value.length;
  const back = (): void => void (count > 0 ? store.takeBack() : store.back());
  const notice = store.notices.current.value;
  return (
    <Card title="You are taking a break" name="resting" keys={{ enter: go, b: back, q: leave }}>
      <p>
        Nothing is reserved for you now. Your unfinished work is saved as a draft and comes back with its item, unless
        somebody else takes the item first.
      </p>
      {notice && (
        <p class={notice.kind === "care" ? "caveat" : "note"} role="status">
          {notice.text}
        </p>
      )}
      <p class="actions">
        <button type="button" class="primary" onClick={go}>
          <kbd>Enter</kbd> next item
        </button>
        {count > 0 && (
          <button type="button" onClick={back}>
            <kbd>B</kbd> take my items back
          </button>
        )}
        <button type="button" onClick={leave}>
          <kbd>Q</kbd> sign out
        </button>
        <LeadLink store={store} />
      </p>
    </Card>
  );
}

/** What is left of a person's work after they signed out by their own word. */
function leftHere({ kept, deleted }: Ended): string {
  if (deleted > 0) return "What was not sent is deleted. This browser stores nothing of your work.";
  if (kept === 0) return "All your work is at the collector. This browser stores nothing of it.";
  return "What was not sent is stored in this browser, encrypted. Only you can open it: sign in here again, and it is sent.";
}

/** `ended`: how the person left; null: the session ended, or there was none. */
export function SignedOut({ waiting, ended = null }: { waiting: number; ended?: Ended | null }): preact.JSX.Element {
  return (
    <Card title={ended ? "You are signed out" : "This page needs a personal link"} name="signed-out">
      <p>
        {ended ? leftHere(ended) : "You are not signed in here, or your link has expired."} A link works once: ask your lead
        for a new one.
      </p>
      {!ended && (
        <p>
          Nothing is lost. Your unfinished work is saved in this browser, encrypted, and comes back when you open the new
          link in it.
        </p>
      )}
      {ended && !ended.confirmed && (
        <p class="caveat" role="status">
          The collector does not answer, so that it does not know yet that you have left. This page keeps trying: leave it
          open. If you close it, the session ends when this page is opened next, or by its time.
        </p>
      )}
      {!ended && waiting > 0 && (
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
      title={answered ? "The collector reports a problem" : "The collector does not answer"}
      name="failed"
      keys={{ enter: retry }}
    >
      <p>
        {answered
          ? `${problem.title} ${problem.hint}`
          : "The network is down, or the collector is not running. This page tries again every few seconds."}
      </p>
      <p>Nothing is lost. Drafts and unsent answers are saved in this browser.</p>
      {answered && <p class="note">code {problem.code}</p>}
      <p class="actions">
        <button type="button" class="primary" onClick={retry}>
          <kbd>Enter</kbd> try now
        </button>
      </p>
    </Card>
  );
}
