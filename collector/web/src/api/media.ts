/**
 * Media of captures: their bytes from the collector or, where it gives links, from the S3 server that has them. A server
 * that does not answer this browser costs nobody anything: the bytes come from the collector then.
 */
import { send, Unreachable } from "./client";
import type { MediaLink } from "./types";

const LINK_TYPE = "application/vnd.gleaner.media-link+json";
// A long video over a slow line: its size, not the collector, decides how long it takes.
const TIMEOUT_MS = 600_000;
/** A link is used until so long before its end, so that what is begun with it arrives in time. */
const MARGIN_MS = 10_000;
/** After the S3 server failed, media come from the collector for so long. */
const WITHOUT_LINKS_MS = 300_000;

interface Held {
  url: string;
  /** Of the whole medium. */
  bytes: number;
  until: number;
}

/** How many bytes of a medium are here, of how many; 0 where the collector did not report it. */
export type OnProgress = (bytes: number, total: number) => void;

/** The newest link to each medium that one was given for. */
const links = new Map<string, Held>();
let withoutLinksUntil = 0;

const usesLinks = (): boolean => performance.now() >= withoutLinksUntil;

/** A link that works for a while yet. */
function held(path: string): Held | null {
  const found = links.get(path);
  return found && usesLinks() && performance.now() < found.until ? found : null;
}

/** What the collector answers: a link, or the bytes. */
async function ask(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Held | Response> {
  const asked = usesLinks() ? { ...headers, Accept: `${LINK_TYPE}, */*;q=0.9` } : { ...headers, Accept: "*/*" };
  const response = await send("GET", path, undefined, { timeout: TIMEOUT_MS, signal, headers: asked });
  if (!response.headers.get("Content-Type")?.startsWith(LINK_TYPE)) {
    links.delete(path);
    return response;
  }
  let link: MediaLink;
  try {
    link = (await response.json()) as MediaLink;
  } catch {
    throw new Unreachable();
  }
  const margin = Math.min(MARGIN_MS, link.seconds * 500);
  const found = { url: link.url, bytes: link.bytes, until: performance.now() + link.seconds * 1000 - margin };
  links.set(path, found);
  return found;
}

/** What the S3 server answers, null where it refuses. Rejects where it does not answer this browser. */
async function follow(link: Held, headers: Record<string, string>, signal: AbortSignal): Promise<Response | null> {
  const response = await fetch(link.url, {
    headers,
    mode: "cors",
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), signal]),
  });
  return response.ok ? response : null;
}

/** The bytes, from wherever they come. */
async function open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  // A link that has ended, on a computer that slept, is replaced once.
  for (let tries = 0; tries < 2 && usesLinks(); tries += 1) {
    const found = held(path) ?? (await ask(path, headers, signal));
    if (found instanceof Response) return found;
    try {
      const response = await follow(found, headers, signal);
      if (response) return response;
    } catch {
      if (signal.aborted) throw new Unreachable();
      break;
    }
    links.delete(path);
  }
  withoutLinksUntil = performance.now() + WITHOUT_LINKS_MS;
  return (await ask(path, headers, signal)) as Response;
}

/**
 * A medium, whole. `onProgress` gets how much of it is here. Larger than `maxBytes`: null, it is read piece by piece
 * where it is shown.
 */
export async function wholeMedium(
  path: string,
  onProgress: OnProgress = () => undefined,
  maxBytes = Infinity,
): Promise<Blob | null> {
  const stop = new AbortController();
  const found = held(path) ?? (await ask(path, {}, stop.signal));
  const total = found instanceof Response ? Number(found.headers.get("Content-Length") ?? 0) : found.bytes;
  if (total > maxBytes) {
    stop.abort();
    return null;
  }
  const response = found instanceof Response ? found : await open(path, {}, stop.signal);
  try {
    return await new Response(counted(response, total, onProgress), { headers: response.headers }).blob();
  } catch {
    // Whatever breaks off in the middle may do so again: the next try is the collector's own.
    if (!(found instanceof Response)) withoutLinksUntil = performance.now() + WITHOUT_LINKS_MS;
    throw new Unreachable();
  }
}

/** `fetch` for pieces of media, by the header Range. Throws Problem and Unreachable. */
export const fetchPiece: typeof fetch = (where, init) =>
  open(
    where instanceof Request ? where.url : String(where),
    Object.fromEntries(new Headers(init?.headers)),
    init?.signal ?? new AbortController().signal,
  );

/** Whether the collector gave a link to this medium. */
export const isLinked = (path: string): boolean => usesLinks() && links.has(path);

/** Where an element can play a medium from: a link, a new one if need be, or the collector's own address. */
export async function playableAddress(path: string, renew: boolean): Promise<string> {
  if (!usesLinks()) return path;
  if (renew) links.delete(path);
  const stop = new AbortController();
  try {
    const found = held(path) ?? (await ask(path, {}, stop.signal));
    if (!(found instanceof Response)) return found.url;
  } catch {
    // The element asks for itself, and reports what is wrong.
  }
  stop.abort();
  return path;
}

function counted(response: Response, total: number, onProgress: OnProgress): ReadableStream<Uint8Array> | null {
  let bytes = 0;
  return (
    response.body?.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, out) {
          bytes += chunk.byteLength;
          onProgress(bytes, total);
          out.enqueue(chunk);
        },
      }),
    ) ?? null
  );
}
