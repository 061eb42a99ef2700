/**
 * Questions to models that the operator set up; must be granted. A plugin asks for a role, such as `judge` or `vision`; which model
 * that is, and with what key it is asked, is the operator's business.
 *
 *     const answer = chat.ask("judge", { system: "count the words", user: "one two three" });
 *     const verdict = chat.askFor("judge", { type: "object", properties: { better: { type: "integer" } } }, { user: "which?" });
 */

import * as host from "#host/chat";
import { Text } from "./content.js";
import { Failure } from "./failure.js";
import { lowerContent } from "./wire.js";

/** From the contract's code to kind of failure; the failure's code is `chat-` and the contract's. */
const KINDS = {
  invalid: "invalid-input",
  denied: "denied",
  "unknown-model": "not-found",
  "rate-limited": "rate-limited",
  budget: "exhausted",
  deadline: "deadline",
};

/**
 * A question: `system`, then `messages`, then `user`, whichever there are.
 *
 * @typedef {import("./content.js").Content} Content
 * @typedef {{ role: "system" | "user" | "assistant" | "tool", content: string | Content | (string | Content)[] }} Message
 * @typedef {object} Question
 * @property {string} [system] what the model is told to be
 * @property {string | Content | (string | Content)[]} [user] what is said last: texts and images
 * @property {Message[]} [messages] the conversation so far, oldest first
 * @property {object} [schema] JSON Schema of the answer; the host checks it
 * @property {number} [maxTokens] most tokens of the answer; the host has a limit of its own
 * @property {number} [temperature] 0 to 2
 * @property {number} [seed] equal questions with equal seeds get equal answers, where the model can do that
 * @property {string[]} [stop] the answer ends before any of these; four at most
 */

/**
 * Asks. Throws a `Failure` where there is no answer.
 *
 * @param {string} model the role of the model
 * @param {Question} question
 * @returns {{ text: string, finish: string, inputTokens: number, outputTokens: number, model: string }}
 */
export function ask(model, { system, user, messages = [], schema, maxTokens, temperature, seed, stop = [] }) {
  const said = [
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    ...messages,
    ...(user === undefined ? [] : [{ role: "user", content: user }]),
  ];
  const request = {
    model,
    messages: said.map(({ role, content }) => ({ role, content: [content].flat().map(piece) })),
    responseSchema: schema === undefined ? undefined : JSON.stringify(schema),
    maxTokens,
    temperature,
    seed: seed === undefined ? undefined : BigInt(seed),
    stop,
    extra: [],
  };
  try {
    const { text, finish, usage, model: answered } = host.generate(request);
    const [inputTokens, outputTokens] = [Number(usage.inputTokens), Number(usage.outputTokens)];
    return { text, finish, inputTokens, outputTokens, model: answered };
  } catch (error) {
    const code = error?.payload?.code;
    if (code === undefined) {
      throw error;
    }
    throw new Failure(error.payload.message, { kind: KINDS[code] ?? "unavailable", code: `chat-${code}` });
  }
}

/** Asks for a value of this JSON Schema. @param {string} model @param {object} schema @param {Question} question @returns {any} */
export function askFor(model, schema, question) {
  const { text } = ask(model, { ...question, schema });
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = `the model's answer is of another form: ${error.message}`;
    throw new Failure(message, { kind: "unavailable", code: "chat-schema-mismatch" });
  }
}

function piece(content) {
  return lowerContent(typeof content === "string" ? new Text(content) : content);
}
