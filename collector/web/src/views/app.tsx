/** Which page is seen: review, or one of the states that are not work. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem, Unreachable } from "../api/client";
import { Store } from "../state/store";
import { Empty, Failed, Resting, SignedOut, Starting } from "./states";
import { Review } from "./review";
import { Today } from "./today";

const store = signal<Store | null>(null);
const failure = signal<Problem | Unreachable | null>(null);
const page = signal(location.hash);

addEventListener("hashchange", () => {
  page.value = location.hash;
});

const RETRY_MS = 5_000;

async function open(): Promise<void> {
  try {
    const opened = await Store.open();
    failure.value = null;
    store.value = opened;
    guard(opened);
    await opened.start();
  } catch (error) {
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    failure.value = error;
    if (!(error instanceof Problem) || error.retryable) setTimeout(() => void open(), RETRY_MS);
  }
}

/** The browser asks before it closes a page with answers that are not sent yet. */
function guard(opened: Store): void {
  addEventListener("beforeunload", (event) => {
    if (opened.outbox.waiting.value.length > 0) event.preventDefault();
  });
}

export function App(): preact.JSX.Element {
  useEffect(() => void open(), []);
  const failed = failure.value;
  if (failed instanceof Problem && failed.status === 401) return <SignedOut waiting={0} />;
  if (failed) return <Failed problem={failed} retry={() => void open()} />;
  const here = store.value;
  if (!here) return <Starting />;
  if ((page.value === "#today" || location.pathname === "/today") && here.me.role === "lead")
    return <Today store={here} />;
  switch (here.phase.value) {
    case "signed-out":
      return <SignedOut waiting={here.outbox.waiting.value.length} />;
    case "failed":
      return <Failed problem={here.problem.value ?? new Unreachable()} retry={() => void here.advance()} />;
    case "empty":
      return <Empty store={here} />;
    case "resting":
      return <Resting store={here} />;
    case "starting":
    case "fetching":
    case "working":
      return <Review store={here} />;
  }
}
