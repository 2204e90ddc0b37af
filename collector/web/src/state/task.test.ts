import { expect, test } from "vitest";
import { box, taskView } from "../testing/tasks";
import { OpenTask } from "./task";

const ids = (task: OpenTask): string[] => Object.values(task.work.value).flatMap((labels) => labels.map((l) => l.id));
const open = (): OpenTask =>
  new OpenTask(taskView("t1", { labels: [box("b1", { score: 0.9 }), box("b2", { score: 0.4 }), box("b3")] }), null);

test("the least certain label is selected first", () => {
  expect(open().selected.value?.id).toBe("b2");
});

test("a rejected label leaves a ghost, selects the next, and comes back", () => {
  const task = open();
  const ref = task.selected.value;
  task.reject();
  expect([ids(task), task.ghosts.value.map((g) => g.ref.id), task.selected.value?.id]).toEqual([["b1", "b3"], ["b2"], "b1"]);
  if (ref) task.restore(ref);
  expect([ids(task).sort(), task.ghosts.value, task.selected.value?.id]).toEqual([["b1", "b2", "b3"], [], "b2"]);
});

test("changes of one series are one step back, and a settled series begins a new one", () => {
  const task = open();
  const nudge = (): void => task.edit((l) => (l.kind === "box" ? { ...l, x: l.x + 1 } : l), "nudge");
  const x = (): number => (task.label() as { x: number }).x;
  nudge();
  nudge();
  task.commit();
  nudge();
  expect(x()).toBe(103);
  task.undo();
  expect(x()).toBe(102);
  task.undo();
  expect([x(), task.undo(), task.touched]).toEqual([100, false, false]);
  task.redo();
  expect(x()).toBe(102);
});

test("undo selects the label that came back", () => {
  const task = open();
  task.reject();
  task.select(1);
  task.undo();
  expect(task.selected.value?.id).toBe("b2");
});

test("a new label is selected and has an id that no pre-label has had", () => {
  const task = open();
  task.reject();
  task.add("t1-still", (id) => box(id, { score: null }));
  const id = task.selected.value?.id ?? "";
  expect(["b1", "b2", "b3"]).not.toContain(id);
  expect(task.beforeOf({ capture: "t1-still", id })).toBeUndefined();
});

test("a change that changes nothing is no step", () => {
  const task = open();
  let changes = 0;
  task.onChange = () => (changes += 1);
  task.edit((l) => l);
  expect([changes, task.touched]).toEqual([0, false]);
});
