/** Which page is seen: review, or one of the states that are not work. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, expectRefusal, Problem, Unreachable } from "../api/client";
import type { TaskView } from "../api/types";
import { MediaSet } from "../media/load";
import { editors } from "../media/registry";
import { surfaceOf } from "../model/keys";
import { Store } from "../state/store";
import { Empty, Failed, Resting, SignedOut, Starting } from "./states";
import { Leaving } from "./leaving";
import { Review } from "./review";
import { Today } from "./today";

const store = signal<Store<MediaSet> | null>(null);
const failure = signal<Problem | Unreachable | null>(null);
type Place = "review" | "today" | "prelabels" | "exports" | "studies" | "installation";
const page = signal(placeOf());

addEventListener("hashchange", () => {
  page.value = placeOf();
  if (store.value) void begin(store.value);
});

const RETRY_MS = 5_000;

/** A hash says more than a path: `#prelabels` may be followed from /today. */
function placeOf(): Place {
  const hash = location.hash.split("?")[0];
  if (hash === "#today" || (!hash && location.pathname === "/today")) return "today";
  if (hash === "#prelabels" || (!hash && location.pathname === "/prelabels")) return "prelabels";
  if (hash === "#exports" || (!hash && location.pathname === "/exports")) return "exports";
  if (hash === "#studies" || (!hash && location.pathname === "/studies")) return "studies";
  if (hash === "#installation" || (!hash && location.pathname === "/installation")) return "installation";
  return "review";
}

/** Fetches and decodes an item's media, and the editor it needs, before anybody looks at it. */
function prepare(view: TaskView): MediaSet {
  const media = new MediaSet(view);
  void media.prefetch();
  // The review page shows what is wrong when the code of an editor cannot be loaded.
  editors[surfaceOf(view)]().catch(() => undefined);
  return media;
}

async function open(): Promise<void> {
  try {
    const opened = await Store.open({ api, prepare });
    failure.value = null;
    store.value = opened;
    guard(opened);
    await begin(opened);
  } catch (error) {
    expectRefusal(error);
    failure.value = error;
    if (!(error instanceof Problem) || error.retryable) setTimeout(() => void open(), RETRY_MS);
  }
}

/** Takes items once review is looked at: a lead who only reads numbers holds none. Unsent answers go out anyway. */
async function begin(opened: Store): Promise<void> {
  if (opened.started || opened.me.role === "admin") return;
  if (placeOf() === "review" || opened.me.role !== "lead") await opened.start();
  else await opened.outbox.flush();
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
  const isLeaving = here.phase.value === "signed-out" || here.phase.value === "leaving";
  if (here.me.role === "admin" && !isLeaving) return <OnDemand key="installation" load={installation} store={here} />;
  if (here.phase.value !== "signed-out" && here.me.role === "lead") {
    if (page.value === "today") return <Today store={here} />;
    if (page.value === "prelabels") return <OnDemand key="prelabels" load={preLabels} store={here} />;
    if (page.value === "exports") return <OnDemand key="exports" load={exportsPage} store={here} />;
    if (page.value === "studies") return <OnDemand key="studies" load={studiesPage} store={here} />;
    if (page.value === "installation") return <OnDemand key="installation" load={installation} store={here} />;
  }
  switch (here.phase.value) {
    case "signed-out":
      return <SignedOut waiting={here.outbox.waiting.value.length} ended={here.session.ended.value} />;
    case "leaving":
      return <Leaving store={here} />;
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

const preLabels = (): Promise<ComponentType<PageProps>> => import("./prelabels/page").then((m) => m.PreLabels);

const exportsPage = (): Promise<ComponentType<PageProps>> => import("./exports/page").then((m) => m.ExportsPage);

const studiesPage = (): Promise<ComponentType<PageProps>> => import("./studies/page").then((m) => m.StudiesPage);

const installation = (): Promise<ComponentType<PageProps>> =>
  import("./installation/page").then((m) => m.InstallationPage);

interface PageProps {
  store: Store;
}

interface OnDemandProps extends PageProps {
  load(): Promise<ComponentType<PageProps>>;
}

/** A page whose code is fetched when it is asked for: nobody who reviews waits for it. */
function OnDemand({ load, store }: OnDemandProps): preact.JSX.Element {
  const [Page, setPage] = useState<ComponentType<PageProps> | null>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const again = (): void => setAttempt((n) => n + 1);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    load().then(
      (loaded) => setPage(() => loaded),
      // Its code comes from the collector: without it there is nobody to ask.
      () => {
        setFailed(true);
        timer = setTimeout(again, RETRY_MS);
      },
    );
    return () => clearTimeout(timer);
  }, [load, attempt]);
  if (Page) return <Page store={store} />;
  return failed ? <Failed problem={new Unreachable()} retry={again} /> : <Starting />;
}
