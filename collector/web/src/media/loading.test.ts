import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { CaptureView } from "../api/types";
import { MemoryTaskMedia, still, words } from "../testing/media";
import { capture } from "../testing/tasks";
import type { Media, TaskMedia } from "./load";
import { Loader, mediumUnready } from "./loading";

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
const picture = capture("c1", "image");

test("loading, then ready", async () => {
  const loader = new Loader<number>();
  const ready: number[] = [];
  loader.load(new MemoryTaskMedia({ c1: still(320) }), picture, "image", (m) => m.bitmap.width, (made) => ready.push(made));
  expect([loader.state.value, loader.ready]).toEqual([{ state: "loading" }, null]);
  await soon();
  expect([loader.state.value, loader.ready, ready]).toEqual([{ state: "ready", medium: 320 }, 320, [320]]);
});

test("what fails names its reason, and can be asked for again", async () => {
  const loader = new Loader<number>();
  const width = (m: Extract<Media, { kind: "image" }>): number => m.bitmap.width;
  loader.load(new MemoryTaskMedia({ c1: new Error("The collector does not answer.") }), picture, "image", width);
  await soon();
  expect(loader.state.value).toEqual({ state: "failed", why: "The collector does not answer." });
  loader.load(new MemoryTaskMedia({ c1: words("hello") }), picture, "image", width);
  await soon();
  expect(loader.state.value).toEqual({ state: "failed", why: "This is not a picture." });
  loader.load(new MemoryTaskMedia({ c1: still() }), undefined, "image", width);
  expect(loader.state.value).toEqual({ state: "failed", why: "This take has no picture." });
  loader.load(new MemoryTaskMedia({ c1: still() }), picture, "image", width);
  await soon();
  expect(loader.ready).toBe(640);
});

test("what arrives after something else was asked for is neither shown nor made", async () => {
  const arrivals = new Map<string, (medium: Media) => void>();
  const media: TaskMedia = {
    of: ({ id }: CaptureView) => new Promise((resolve) => arrivals.set(id, resolve)),
    arrived: () => signal({ bytes: 0, total: 0 }),
  };
  const loader = new Loader<string>();
  const made: string[] = [];
  const ask = (id: string): void =>
    loader.load(media, capture(id, "text"), "text", (m) => {
      made.push(m.text);
      return m.text;
    });
  ask("first");
  ask("second");
  arrivals.get("second")?.(words("second"));
  await soon();
  arrivals.get("first")?.(words("first"));
  await soon();
  expect([loader.ready, made]).toEqual(["second", ["second"]]);
  ask("third");
  loader.reset();
  arrivals.get("third")?.(words("third"));
  await soon();
  expect([loader.state.value, made]).toEqual([{ state: "loading" }, ["second"]]);
});

test("what is made later is dropped too when it comes too late", async () => {
  const loader = new Loader<string>();
  let finish = (_: string): void => undefined;
  const later = new Promise<string>((resolve) => (finish = resolve));
  loader.load(new MemoryTaskMedia({ c1: still() }), picture, "image", () => later);
  await soon();
  loader.fail("It broke.");
  finish("late");
  await soon();
  expect(loader.state.value).toEqual({ state: "failed", why: "It broke." });
});

test("an item is accepted only when all of its media are on screen", () => {
  expect(mediumUnready("The picture", ["ready", "ready"])).toBeNull();
  expect(mediumUnready("The picture", ["ready", "loading"])).toBe("The picture is not on screen yet.");
  expect(mediumUnready("The picture", ["ready", undefined])).toBe("The picture is not on screen yet.");
  expect(mediumUnready("The picture", ["loading", "failed"])).toBe("The picture cannot be shown. Press S to skip this item.");
  expect(mediumUnready("The picture", [])).toContain("cannot be shown");
});
