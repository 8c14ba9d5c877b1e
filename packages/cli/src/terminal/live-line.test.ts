import { expect, it } from "vitest";
import { collector } from "../testing.ts";
import { LiveLine } from "./live-line.ts";

function at(properties: { isTTY?: boolean; columns?: number }) {
  let now = 0;
  const { stream, text } = collector(properties);
  const line = new LiveLine(stream, () => now);
  return { line, text, wait: (ms: number) => (now += ms) };
}

it("on a terminal is drawn again in its place, cut to the width, and wiped at the end", () => {
  const { line, text, wait } = at({ isTTY: true, columns: 10 });
  line.update("epoch 1", false);
  line.update("too soon", false);
  wait(100);
  line.update("epoch 2 of 20", false);
  line.clear();
  expect(text()).toBe("\r\u001b[Kepoch 1\r\u001b[Kepoch 2 …\r\u001b[K");
});

it("elsewhere is a plain line for each milestone, at most one every two seconds", () => {
  const { line, text, wait } = at({});
  line.update("epoch 1", true);
  line.update("step", false);
  wait(1000);
  line.update("epoch 2", true);
  line.clear();
  wait(1000);
  line.update("step", false);
  line.update("epoch 3", true);
  expect(text()).toBe("epoch 1\nepoch 3\n");
});
