/** Where media come from: a collector and an S3 server in memory, which fail as a test says. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Media = typeof import("./media");
const PATH = "/api/captures/c1/media";
const LINK = "https://s3.example.org/media/blobs/ab?X-Amz-Signature=";
const RANGE = { headers: { Range: "bytes=2-" } };

let media: Media;
let asked: string[];
let gives: "link" | "bytes";
/** What the S3 server does with the next requests; afterwards it answers. */
let bucket: (number | "refuses" | "breaks")[];

const body = (text: string, headers: Record<string, string>, status = 200): Response => {
  return new Response(text, { status, headers: { "Content-Length": String(text.length), ...headers } });
};

function broken(): Response {
  const half = new ReadableStream({
    pull: (out) => out.error(new TypeError("network error")),
  });
  return new Response(half, { headers: { "Content-Type": "audio/flac" } });
}

function answer(url: string, init: RequestInit): Response {
  const headers = new Headers(init.headers);
  const range = headers.get("Range") ? ` ${headers.get("Range")}` : "";
  if (url.startsWith(LINK)) {
    asked.push(`bucket ${url.slice(LINK.length)}${range}`);
    expect([init.credentials, init.referrerPolicy, headers.get("X-Gleaner-Person")]).toEqual(["omit", "no-referrer", null]);
    const next = bucket.shift();
    if (next === "refuses") throw new TypeError("Failed to fetch");
    if (next === "breaks") return broken();
    if (next) return body("", {}, next);
    return body("bucket", { "Content-Type": "audio/flac" });
  }
  const link = gives === "link" && headers.get("Accept")?.startsWith("application/vnd.gleaner.media-link+json");
  asked.push(`${link ? "link" : "bytes"}${range}`);
  if (!link) return body("collector", { "Content-Type": "audio/flac" });
  const found = { url: `${LINK}${asked.length}`, seconds: 60, bytes: 6, sha256: "ab", media_type: "audio/flac" };
  return body(JSON.stringify(found), { "Content-Type": "application/vnd.gleaner.media-link+json" });
}

beforeEach(async () => {
  vi.useFakeTimers({ now: 0 });
  vi.resetModules();
  vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
    Promise.resolve().then(() => answer(url, init)),
  );
  media = await import("./media");
  [asked, gives, bucket] = [[], "link", []];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const whole = async (max?: number): Promise<string | null> =>
  (await media.wholeMedium(PATH, undefined, max))?.text() ?? null;
const piece = async (): Promise<string> => (await media.fetchPiece(PATH, RANGE)).text();

test("a collector that gives no links is asked once for each medium", async () => {
  gives = "bytes";
  expect(await whole()).toBe("collector");
  expect([asked, media.isLinked(PATH)]).toEqual([["bytes"], false]);
});

test("a link is followed, and used again while it works", async () => {
  expect([await whole(), await piece()]).toEqual(["bucket", "bucket"]);
  expect(asked).toEqual(["link", "bucket 1", "bucket 1 bytes=2-"]);
  vi.advanceTimersByTime(51_000);
  expect(await piece()).toBe("bucket");
  expect(asked.slice(3)).toEqual(["link bytes=2-", "bucket 4 bytes=2-"]);
});

test("what is too large is not begun", async () => {
  expect([await whole(5), media.isLinked(PATH)]).toEqual([null, true]);
  expect(asked).toEqual(["link"]);
  expect([await media.playableAddress(PATH, false), await media.playableAddress(PATH, true)]).toEqual([
    `${LINK}1`,
    `${LINK}2`,
  ]);
});

test("a link that has ended is replaced once", async () => {
  bucket = [403];
  expect(await whole()).toBe("bucket");
  expect(asked).toEqual(["link", "bucket 1", "link", "bucket 3"]);
  bucket = [403, 403];
  expect(await piece()).toBe("collector");
});

test("where this browser gets no answer media come from the collector, and it is tried again later", async () => {
  bucket = ["refuses"];
  expect(await whole()).toBe("collector");
  expect([await piece(), media.isLinked(PATH), await media.playableAddress(PATH, true)]).toEqual(["collector", false, PATH]);
  expect(asked).toEqual(["link", "bucket 1", "bytes", "bytes bytes=2-"]);
  vi.advanceTimersByTime(300_000);
  expect(await whole()).toBe("bucket");
});

test("after an answer that broke off the next try is the collector's", async () => {
  bucket = ["breaks"];
  await expect(whole()).rejects.toThrow("does not answer");
  expect(await whole()).toBe("collector");
});
