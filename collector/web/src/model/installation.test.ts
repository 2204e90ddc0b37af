import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceRow, FailedJob } from "../api/types";
import { ago, deviceState, differences, kindsOf, size, span } from "./installation";

const NOW = Date.parse("2026-11-23T12:00:00Z");

test("sizes have one unit", () => {
  assert.deepEqual(
    [0, 1023, 1536, 1024 * 1024 * 150.4, 5 * 1024 ** 4].map(size),
    ["0 bytes", "1,023 bytes", "1.5 KiB", "150 MiB", "5 TiB"],
  );
});

test("times have one unit", () => {
  assert.equal(ago("2026-11-23T11:59:30Z", NOW), "just now");
  assert.equal(ago("2026-11-23T11:59:00Z", NOW), "1 minute ago");
  assert.equal(ago("2026-11-21T11:00:00Z", NOW), "2 days ago");
  assert.equal(ago("2026-11-23T12:00:30Z", NOW), "just now");
  assert.equal(span(59), null);
  assert.equal(span(7200), "2 hours");
});

test("a device is silent after a quarter of an hour", () => {
  const device = { revoked_at: null, last_seen_at: "2026-11-23T11:50:00Z" } as DeviceRow;
  assert.equal(deviceState(device, NOW), "well");
  assert.equal(deviceState({ ...device, last_seen_at: "2026-11-23T11:40:00Z" }, NOW), "silent");
  assert.equal(deviceState({ ...device, last_seen_at: null }, NOW), "never");
  assert.equal(deviceState({ ...device, revoked_at: "2026-11-23T11:50:00Z" }, NOW), "revoked");
});

test("failed jobs are counted by kind", () => {
  const jobs = ["open", "derive", "open"].map((kind) => ({ kind }) as FailedJob);
  assert.deepEqual(kindsOf(jobs), [["open", 2], ["derive", 1]]);
});

test("two manifests differ by member", () => {
  const kept = '{"sensor": "camera-0", "bytes": 5, "parts": [{"name": "media"}]}';
  const other = '{"bytes": 6, "sensor": "camera-0", "extra": true, "parts": [{"name": "media"}]}';
  assert.deepEqual(differences(kept, other), [["bytes", "5", "6"], ["extra", "not there", "true"]]);
  assert.deepEqual(differences(kept, kept), []);
  assert.deepEqual(differences(kept, "no json"), [["(whole)", kept, "no json"]]);
});
