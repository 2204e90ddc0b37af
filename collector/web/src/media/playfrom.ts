/** What an <audio> or <video> element plays: an object's address, the collector's, or links that are renewed. */
import { isLinked, playableAddress } from "../api/media";

/** What each element plays now ends when it plays something else, or nothing. */
const playing = new WeakMap<HTMLMediaElement, AbortController>();

/**
 * Has an element play the medium at `url`. A link to it works for a minute: when the element cannot get on with it, it
 * gets another one and continues where it was; when that is of no use either, the collector's own address.
 */
export function playFrom(element: HTMLMediaElement, url: string): void {
  playing.get(element)?.abort();
  const stop = new AbortController();
  playing.set(element, stop);
  const { signal } = stop;
  if (!isLinked(url)) {
    element.src = url;
    return;
  }
  // Its pictures are drawn on canvases: without this they would be another site's.
  element.crossOrigin = "anonymous";
  let failures = 0;
  const load = async (from: Promise<string>, at: number, plays: boolean): Promise<void> => {
    const address = await from;
    if (signal.aborted) return;
    element.src = address;
    if (at > 0) element.currentTime = at;
    if (plays) element.play().catch(() => undefined);
  };
  element.addEventListener("canplay", () => (failures = 0), { signal });
  // Before others hear of it, who would give the medium up.
  element.addEventListener(
    "error",
    (event) => {
      if (failures === 2) return;
      event.stopImmediatePropagation();
      failures += 1;
      const from = failures === 1 ? playableAddress(url, true) : Promise.resolve(url);
      void load(from, element.currentTime, !element.paused);
    },
    { capture: true, signal },
  );
  void load(playableAddress(url, false), 0, false);
}

/** The element plays nothing any more. */
export function release(element: HTMLMediaElement): void {
  playing.get(element)?.abort();
  element.removeAttribute("src");
  element.load();
}
