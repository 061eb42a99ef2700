/** `sport:host/tools` of a native test. */

import { Outcome } from "../content.js";
import { Failure } from "../failure.js";
import { lowerContent } from "../wire.js";
import { current, fail } from "./host.js";

export function listTools() {
  return Object.keys(current().tools).sort().map((name) => ({ name, description: "", inputSchema: '{"type":"object"}' }));
}

export function invoke(name, given) {
  const work = current().tools[name] ?? fail("not-found", `there is no tool ${name}`, "no-such-tool");
  try {
    const result = work(JSON.parse(given));
    const { content, structured } = result instanceof Outcome ? result : new Outcome([], result);
    return { content: content.map(lowerContent), structured: structured === undefined ? undefined : JSON.stringify(structured) };
  } catch (error) {
    throw error instanceof Failure ? Object.assign(error, { payload: { ...error, message: error.message, details: undefined } }) : error;
  }
}
