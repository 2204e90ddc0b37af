/** Bytes as base64 and back, in pieces that fit on a stack. */

const CHUNK = 24_573; // a multiple of three: pieces are put together without padding between them

export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  return text;
}

/** Throws DOMException: it is no base64. */
export const bytesOf = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
