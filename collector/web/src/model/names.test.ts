import { describe, expect, test } from "vitest";
import { namesFor } from "./names";

describe("names by what is typed", () => {
  const names = ["hot dog", "dog", "traffic light", "Löffel", "hotdog stand", "light_bulb"];
  test("the exact name, then beginnings, then beginnings of a later word, then what is inside", () => {
    expect(namesFor(names, "dog")).toEqual(["dog", "hot dog", "hotdog stand"]);
    expect(namesFor(names, "light")).toEqual(["light_bulb", "traffic light"]);
    expect(namesFor(names, "bulb")).toEqual(["light_bulb"]);
  });
  test("case and accents do not matter, nothing typed means all", () => {
    expect(namesFor(names, "LOFF")).toEqual(["Löffel"]);
    expect(namesFor(names, "  ")).toEqual(names);
    expect(namesFor(names, "zebra")).toEqual([]);
  });
});
