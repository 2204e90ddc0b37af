import { expect, test } from "vitest";
import type { DeviceRow, FailedJob } from "../api/types";
import { ago, deviceState, differences, kindsOf, size, span } from "./installation";

const NOW = Date.parse("2026-11-23T12:00:00Z");

test("sizes have one unit", () => {
  const sizes = [0, 1023, 1536, 1024 * 1024 * 150.4, 5 * 1024 ** 4];
  expect(sizes.map(size)).toEqual(["0 bytes", "1,023 bytes", "1.5 KiB", "150 MiB", "5 TiB"]);
});

test("times have one unit", () => {
  expect(ago("2026-11-23T11:59:30Z", NOW)).toBe("just now");
  expect(ago("2026-11-23T11:59:00Z", NOW)).toBe("1 minute ago");
  expect(ago("2026-11-21T11:00:00Z", NOW)).toBe("2 days ago");
  expect(ago("2026-11-23T12:00:30Z", NOW)).toBe("just now");
  expect(span(59)).toBe(null);
  expect(span(7200)).toBe("2 hours");
});

test("a device is silent after a quarter of an hour", () => {
  const device = { revoked_at: null, last_seen_at: "2026-11-23T11:50:00Z" } as DeviceRow;
  expect(deviceState(device, NOW)).toBe("well");
  expect(deviceState({ ...device, last_seen_at: "2026-11-23T11:40:00Z" }, NOW)).toBe("silent");
  expect(deviceState({ ...device, last_seen_at: null }, NOW)).toBe("never");
  expect(deviceState({ ...device, revoked_at: "2026-11-23T11:50:00Z" }, NOW)).toBe("revoked");
});

test("failed jobs are counted by kind", () => {
  const jobs = ["open", "derive", "open"].map((kind) => ({ kind }) as FailedJob);
  expect(kindsOf(jobs)).toEqual([["open", 2], ["derive", 1]]);
});

test("two manifests differ by member", () => {
  const kept = '{"sensor": "camera-0", "bytes": 5, "parts": [{"name": "media"}]}';
  const other = '{"bytes": 6, "sensor": "camera-0", "extra": true, "parts": [{"name": "media"}]}';
  expect(differences(kept, other)).toEqual([["bytes", "5", "6"], ["extra", "not there", "true"]]);
  expect(differences(kept, kept)).toEqual([]);
  expect(differences(kept, "no json")).toEqual([["(whole)", kept, "no json"]]);
});
