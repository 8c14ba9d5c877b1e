/// <reference types="aws-lambda" />
import { KilotuneError } from "@kilotune/contract";
import { logFault, observed } from "../observe.ts";
import { type BufferedAnswer, bufferedAnswer, headOf, writeBody } from "./answer.ts";
import { requestOf } from "./event.ts";

export interface HttpApp {
  fetch(request: Request): Response | Promise<Response>;
  /** An error before the app or behind it as an answer, in its own form. */
  refuse(error: unknown): Response;
}

/** For a Function URL that streams. Not Hono's: it ends a body that broke as if it were whole, with two words more. */
export function streamingHandler(app: HttpApp) {
  return awslambda.streamifyResponse(async (event, stream) =>
    observed("api", async () => {
      const response = await answerTo(app, event);
      const body = awslambda.HttpResponseStream.from(stream, headOf(response));
      try {
        await writeBody(response, body);
      } catch (error) {
        logFault(error);
        // Lambda tells of what is thrown, in its log: the words stay here.
        throw new KilotuneError("internal_error", "the answer broke off", "", { kind: "machine" });
      }
      body.end();
    }),
  );
}

/** For API Gateway, and for Function URLs that don't stream. */
export function bufferedHandler(app: HttpApp) {
  return (event: unknown): Promise<BufferedAnswer> =>
    observed("api", async () => {
      try {
        return await bufferedAnswer(await answerTo(app, event));
      } catch (error) {
        return bufferedAnswer(app.refuse(error));
      }
    });
}

async function answerTo(app: HttpApp, event: unknown): Promise<Response> {
  let request: Request;
  try {
    request = requestOf(event);
  } catch (error) {
    return app.refuse(error);
  }
  return app.fetch(request);
}
