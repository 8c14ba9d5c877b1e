import type { ImageAnswer } from "@kilotune/serving/vision";
import { openInPage } from "../../packages/serving/src/readme.example.browser.ts";

/**
 * What a page makes of images with each of the prompts, by their addresses; see vision-browser.test.ts. The predictor is the
 * README's.
 */
export async function lookInBrowser(prompts: readonly string[], images: readonly string[]) {
  const predictor = await openInPage("/backbone");
  const answers: unknown[] = [];
  for (const url of images) {
    const image = new Uint8Array(await (await fetch(url)).arrayBuffer());
    const found = await predictor.answer(prompts.map((prompt) => ({ image, prompt })));
    answers.push(found.map(plain));
  }
  await predictor.close();
  return answers;
}

/** As JSON takes it. */
function plain(answer: ImageAnswer) {
  return answer.task === "segmentation"
    ? { ...answer, map: { ...answer.map, data: [...answer.map.data] } }
    : answer;
}
