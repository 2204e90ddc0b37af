/** The one place that sends requests to the collector. */
import type {
  ActivityRequest,
  BrowserStorage,
  DeviceRow,
  DeviceRows,
  DraftReply,
  ExportAsked,
  ExportRun,
  ExportsReply,
  FailedJobs,
  FrameTable,
  LabelsDocument,
  ManifestConflicts,
  Me,
  NextReply,
  Now,
  Overview,
  Peaks,
  PersonDraft,
  PrelabelReport,
  PrelabelRun,
  RenewReply,
  ReopenCode,
  RunAsked,
  RunsReply,
  SessionList,
  SetAside,
  SkipCode,
  StorageReply,
  StudyChange,
  StudyDetail,
  StudyRow,
  StudyRows,
  Submit,
  SubmitReply,
  TaskView,
  TodayReport,
  TokenRows,
  UserRows,
} from "./types";

/** The collector's answer was a problem document (or something that is none, with a code of its own). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly hint: string,
    readonly retryable: boolean,
    readonly facts: Record<string, unknown> = {},
  ) {
    super(`${title} ${hint}`.trim());
  }

  /** Nobody may work on the item, or see it, any more. */
  get consentEnded(): boolean {
    return this.code === "consent-ended";
  }

  /** This page cannot go on with the item: somebody else has it, or the consent has ended. */
  get endsWork(): boolean {
    return this.status === 409 || this.consentEnded;
  }
}

/** No answer at all: no network, or the collector is away. The same request may be sent again. */
export class Unreachable extends Error {
  constructor() {
    super("The collector does not answer.");
  }
}

/** Throws what is neither: nobody expected it. */
export function expectRefusal(error: unknown): asserts error is Problem | Unreachable {
  if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
}

let person: string | null = null;
let answeredAt = Date.now();

/** Everything this page sends from now on is in this person's name. */
export function actAs(name: string): void {
  person = name;
}

const TIMEOUT_MS = 20_000;
// The report on pre-labels compares every reviewed label again.
const REPORT_TIMEOUT_MS = 600_000;

/** `headers` that are named here count. Throws Problem and Unreachable. */
export async function send(
  method: string,
  path: string,
  body?: unknown,
  options: { keepalive?: boolean; timeout?: number; signal?: AbortSignal; headers?: Record<string, string> } = {},
): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (method !== "GET") headers["X-Gleaner-Page"] = "1";
  // Tabs share one cookie: with its person's name this page never acts as somebody who signed in in another tab.
  if (person !== null) headers["X-Gleaner-Person"] = encodeURIComponent(person);
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      keepalive: options.keepalive ?? false,
      signal: AbortSignal.any([
        AbortSignal.timeout(options.timeout ?? TIMEOUT_MS),
        ...(options.signal ? [options.signal] : []),
      ]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Unreachable();
  }
  answeredAt = Date.now();
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response: Response): Promise<Problem> {
  let facts: Record<string, unknown> = {};
  try {
    facts = (await response.json()) as Record<string, unknown>;
  } catch {
    // A proxy's own error page is not a problem document: the status alone has to do.
  }
  const text = (name: string, otherwise: string): string => {
    const value = facts[name];
    return typeof value === "string" ? value : otherwise;
  };
  const code = text("code", `http-${response.status}`);
  return new Problem(
    // For this page the session of its person is over, whoever else has one.
    code === "someone-else-signed-in" ? 401 : response.status,
    code,
    text("title", `The collector answered ${response.status}.`),
    text("hint", ""),
    facts["retryable"] === true || response.status >= 500 || response.status === 429,
    facts,
  );
}

async function json<T>(
  method: string,
  path: string,
  body?: unknown,
  options: { timeout?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const response = await send(method, path, body, options);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new Unreachable();
  }
}

const user = (name: string, verb: string): string => `/api/users/${encodeURIComponent(name)}/${verb}`;
const task = (id: string, verb: string): string => `/api/tasks/${encodeURIComponent(id)}/${verb}`;

export const api = {
  me: (): Promise<Me> => json("GET", "/api/me"),
  browserStorage: (): Promise<BrowserStorage> => json("GET", "/api/me/browser-storage"),
  /** When the collector answered last, by this computer's clock. */
  answeredAt: (): number => answeredAt,
  leave: (): Promise<void> => json("POST", "/api/leave"),
  next: (client: string, have: string[], count: number): Promise<NextReply> =>
    json("POST", "/api/tasks/next", { client, have, count }),
  reopen: (id: string, client: string, why: ReopenCode): Promise<TaskView> =>
    json("POST", task(id, "reopen"), { client, why }),
  renew: (id: string, fence: number): Promise<RenewReply> => json("POST", task(id, "renew"), { fence }),
  submit: (id: string, body: Submit): Promise<SubmitReply> => json("POST", task(id, "submit"), body),
  skip: (id: string, fence: number, reason: { text: string; code: SkipCode }): Promise<Now> =>
    json("POST", task(id, "skip"), { fence, reason: reason.text, code: reason.code }),
  giveBack: (id: string, fence: number): Promise<Now> => json("POST", task(id, "return"), { fence }),
  draft: (id: string, fence: number, documents: LabelsDocument[]): Promise<DraftReply> =>
    json("PUT", task(id, "draft"), { fence, documents }),
  activity: async (row: ActivityRequest): Promise<void> => {
    await send("POST", "/api/activity", row, { keepalive: true });
  },
  today: (): Promise<TodayReport> => json("GET", "/api/reports/today"),
  /** Skipped items and late work, for leads. */
  setAside: (): Promise<SetAside> => json("GET", "/api/set-aside"),
  drafts: (id: string): Promise<{ drafts: PersonDraft[] }> => json("GET", task(id, "drafts")),
  sessions: (): Promise<SessionList> => json("GET", "/api/sessions"),
  /** `query`: study, model, since. A report that is no longer wanted is given up by its signal. */
  prelabelReport: (query: URLSearchParams, signal: AbortSignal): Promise<PrelabelReport> =>
    json("GET", `/api/reports/prelabels?${query}`, undefined, { timeout: REPORT_TIMEOUT_MS, signal }),
  prelabelRuns: (): Promise<RunsReply> => json("GET", "/api/prelabel-runs"),
  startRun: (asked: RunAsked): Promise<PrelabelRun> => json("POST", "/api/prelabel-runs", asked),
  changeRun: (id: string, verb: "pause" | "resume" | "cancel"): Promise<PrelabelRun> =>
    json("POST", `/api/prelabel-runs/${encodeURIComponent(id)}/${verb}`),
  exports: (): Promise<ExportsReply> => json("GET", "/api/exports"),
  startExport: (asked: ExportAsked): Promise<ExportRun> => json("POST", "/api/exports", asked),
  changeExport: (id: string, verb: "pause" | "resume" | "cancel"): Promise<ExportRun> =>
    json("POST", `/api/exports/${encodeURIComponent(id)}/${verb}`),
  deleteExport: (id: string): Promise<ExportRun> => json("DELETE", `/api/exports/${encodeURIComponent(id)}`),
  studies: (): Promise<StudyRows> => json("GET", "/api/studies"),
  study: (id: string): Promise<StudyDetail> => json("GET", `/api/studies/${encodeURIComponent(id)}`),
  changeStudy: (id: string, change: StudyChange): Promise<StudyRow> =>
    json("PATCH", `/api/studies/${encodeURIComponent(id)}`, change),
  overview: (): Promise<Overview> => json("GET", "/api/installation"),
  devices: (): Promise<DeviceRows> => json("GET", "/api/devices"),
  revokeDevice: (id: string): Promise<DeviceRow> => json("POST", `/api/devices/${encodeURIComponent(id)}/revoke`),
  users: (): Promise<UserRows> => json("GET", "/api/users"),
  disableUser: (name: string): Promise<unknown> => json("POST", user(name, "disable")),
  enableUser: (name: string): Promise<unknown> => send("POST", user(name, "enable")),
  changeRole: (name: string, role: string): Promise<unknown> => send("POST", user(name, "role"), { role }),
  userTokens: (name: string): Promise<TokenRows> => json("GET", user(name, "tokens")),
  revokeUserToken: (name: string, token: string): Promise<unknown> =>
    send("POST", user(name, `tokens/${encodeURIComponent(token)}/revoke`)),
  failedJobs: (): Promise<FailedJobs> => json("GET", "/api/failed-jobs"),
  /** Without a key: every failed one of the kind. */
  tryAgain: (kind: string, key: string | null): Promise<{ started: number }> =>
    json("POST", "/api/failed-jobs/again", { kind, key }),
  /** Added up at most every ten minutes: the first look may take a while. */
  storage: (): Promise<StorageReply> => json("GET", "/api/storage", undefined, { timeout: REPORT_TIMEOUT_MS }),
  manifestConflicts: (): Promise<ManifestConflicts> => json("GET", "/api/manifest-conflicts"),
  peaks: (url: string): Promise<Peaks> => json("GET", url),
  frames: (url: string): Promise<FrameTable> => json("GET", url),
};

/** What the state of the page asks of the collector; the tests of the state have it in memory. */
export type ReviewApi = Pick<
  typeof api,
  "me" | "browserStorage" | "answeredAt" | "leave" | "next" | "reopen" | "renew" | "submit" | "skip" | "giveBack" | "draft" | "activity"
>;

/** Where the browser downloads an export: it writes the file itself, and continues one that broke off. */
export const archiveUrl = (id: string): string => `/api/exports/${encodeURIComponent(id)}/archive`;
