/** `sport:host/chat` of a native test. */

import { liftContent } from "../wire.js";
import { current, refuse } from "./host.js";

export function generate({ model, messages, responseSchema, ...rest }) {
  const schema = responseSchema === undefined ? undefined : JSON.parse(responseSchema);
  const said = messages.map(({ role, content }) => ({ role, content: content.map(liftContent) }));
  const question = { ...rest, model, messages: said, schema };
  current().questions.push(question);
  const answer = current().models[model];
  if (answer === undefined) {
    refuse({ code: "unknown-model", message: `the test's host has no model \`${model}\`` });
  }
  const text = typeof answer === "function" ? answer(question) : answer;
  return { text, finish: "stop", usage: { inputTokens: 0n, outputTokens: 0n }, model: "test" };
}
