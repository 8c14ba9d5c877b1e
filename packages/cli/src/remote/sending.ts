import { bar } from "../terminal/bar.ts";
import { Pace } from "../terminal/pace.ts";
import { oneLine } from "../terminal/printable.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { bytes, duration, percent } from "../terminal/units.ts";

/** Shows how far a file has gone up: for `countedFetch`. Off a terminal every tenth is a line. */
export function sendingLine(file: string, terminal: Terminal): (sentBytes: number, allBytes: number) => void {
  const name = oneLine(file, 60);
  const pace = new Pace(terminal.io.clock);
  const beganMs = terminal.io.clock();
  let tenth = 0;
  return (sent, all) => {
    const share = all === 0 ? 1 : sent / all;
    // Of what is over in a moment no line stays.
    const isMilestone = Math.floor(share * 10) !== tenth && terminal.io.clock() - beganMs > 2000;
    tenth = Math.floor(share * 10);
    if (sent >= all)
      return terminal.progress(`Sent ${name}, ${bytes(all)}: the server looks at it`, isMilestone);
    const now = pace.at(sent, all);
    const speed = now && `, ${bytes(Math.round(now.perSecond))}/s, ${duration(now.secondsLeft)} left`;
    const how = `${bar(share, 16)}  ${percent(share)}  ${bytes(sent)} of ${bytes(all)}${speed ?? ""}`;
    terminal.progress(`Sending ${name}  ${how}`, isMilestone);
  };
}
