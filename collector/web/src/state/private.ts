/**
 * What this browser stores of a person's work, encrypted (XChaCha20-Poly1305). The collector gives the key to a person
 * who is signed in; it is in memory alone, so that nobody can read the entries after the session, until the same person
 * signs in again. The cipher is a library's and not WebCrypto's: an entry has to be written before the line returns,
 * also while the page is being closed, and WebCrypto answers later, and outside secure contexts not at all.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { BrowserStorage } from "../api/types";
import { bytesOf, textOf } from "./base64";
import { importPlain } from "./plain";
import { loadText, remove, savedNames, saveText, type Kind } from "./storage";

/** The form of an entry: `1.TIME.BASE64`, the time in milliseconds since 1970, then nonce and ciphertext. */
const VERSION = "1";
const NONCE_BYTES = 24;
const DAY_MS = 86_400_000;
/** What is not sent by then is deleted: an answer that waits is worth more than a draft the collector may have. */
const MAX_DAYS: Record<Kind, number> = { draft: 14, steps: 14, submitted: 14, letter: 90, instructions: 365 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class PrivateStorage {
  private key: Uint8Array | null;
  private readonly store: string;

  /** Reads what versions before this one stored in the clear, and stores it encrypted. */
  constructor({ name, store, key }: Pick<BrowserStorage, "name" | "store" | "key">) {
    this.key = Uint8Array.from(key.match(/../g) ?? [], (digits) => parseInt(digits, 16));
    this.store = store;
    deleteOld(Date.now());
    importPlain(name, ({ kind, id, value }) => this.ids(kind).includes(id) || this.save(kind, id, value));
  }

  /** Writes at once: a crash right after this line loses nothing. False: the browser refuses, or the session is over. */
  save(kind: Kind, id: string, value: unknown): boolean {
    if (!this.key) return false;
    const name = this.name(kind, id);
    const head = `${VERSION}.${Date.now()}`;
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const text = encoder.encode(JSON.stringify(value));
    const sealed = xchacha20poly1305(this.key, nonce, about(head, name)).encrypt(text);
    const whole = new Uint8Array(NONCE_BYTES + sealed.length);
    whole.set(nonce);
    whole.set(sealed, NONCE_BYTES);
    return saveText(name, `${head}.${textOf(whole)}`);
  }

  /** Null: there is none, or it was damaged, or written by a later version. */
  load<T>(kind: Kind, id: string): T | null {
    const name = this.name(kind, id);
    const [version, time, body] = loadText(name)?.split(".") ?? [];
    if (!this.key || version !== VERSION || body === undefined) return null;
    try {
      const whole = bytesOf(body);
      const cipher = xchacha20poly1305(this.key, whole.subarray(0, NONCE_BYTES), about(`${version}.${time}`, name));
      return JSON.parse(decoder.decode(cipher.decrypt(whole.subarray(NONCE_BYTES)))) as T;
    } catch {
      return null;
    }
  }

  remove(kind: Kind, id: string): void {
    remove(this.name(kind, id));
  }

  ids(kind: Kind): string[] {
    const prefix = this.name(kind, "");
    return savedNames(prefix).map((name) => name.slice(prefix.length));
  }

  /** Which entry of this kind a name in the browser's storage is; null: none of this person's. */
  idOf(kind: Kind, stored: string): string | null {
    const prefix = `gleaner.${this.name(kind, "")}`;
    return stored.startsWith(prefix) ? stored.slice(prefix.length) : null;
  }

  /** Whether the session goes on. */
  get isOpen(): boolean {
    return this.key !== null;
  }

  /** The session is over: what is stored stays, and nothing can be read or written here any more. */
  lock(): void {
    this.key?.fill(0);
    this.key = null;
  }

  private name(kind: Kind, id: string): string {
    return `${kind}.${this.store}.${id}`;
  }
}

/** What an entry is authenticated with: it counts under its own name and time alone. */
const about = (head: string, name: string): Uint8Array => encoder.encode(`${head}.${name}`);

/** Deletes what has been here for too long, whoever's it is. */
function deleteOld(now: number): void {
  for (const kind of Object.keys(MAX_DAYS) as Kind[])
    for (const name of savedNames(`${kind}.`)) {
      const [version, time] = loadText(name)?.split(".") ?? [];
      // Entries in the clear have no time in front: state/plain.ts.
      if (/^\d+$/.test(version ?? "") && Number(time) < now - MAX_DAYS[kind] * DAY_MS) remove(name);
    }
}
