/** What a plugin declares, and how it is called. */

import { Artifact, Outcome, Text, isContent } from "./content.js";
import { Failure, invalid } from "./failure.js";
import { decode, inputSchema, known } from "./schema.js";
import { Step } from "./verify.js";

const HINTS = ["readOnly", "destructive", "idempotent", "openWorld", "deterministic"];
const TRAITS = ["deterministic", "usesModel", "usesNetwork", "runsCode"];

/** What the plugin's module declared, in its order. @type {Map<string, any>} */
export const TOOLS = new Map();
/** The verifier, if it declared one. @type {any[]} */
export const VERIFIERS = [];

/**
 * Declares a tool.
 *
 * `input` is the whole JSON Schema of the arguments, or only its properties; then one with `optional: true` or a `default` may be
 * left out. `call` gets the arguments as they were checked and may be `async`. A string that comes back is text, nothing is
 * nothing, content and an `Outcome` are what they are; everything else is a structured result, which `output` is the schema of.
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} description what a model reads
 * @property {string} [title]
 * @property {Record<string, any>} [input]
 * @property {Record<string, any>} [output] `{ type: "string" }`, the same as none, is text
 * @property {(input: any) => unknown} call
 * @property {boolean} [readOnly] the author's claims, as those below
 * @property {boolean} [destructive]
 * @property {boolean} [idempotent]
 * @property {boolean} [openWorld]
 * @property {boolean} [deterministic]
 * @param {Tool} declared
 */
export function tool({ name, description, title, input = {}, output, call, ...hints }) {
  check("tool", name, description, call, "call", hints, HINTS);
  if (TOOLS.has(name)) {
    throw new TypeError(`two tools are called ${name}`);
  }
  if (output !== undefined) {
    known(`output of tool ${name}`, output);
  }
  const plain = output === undefined || (output.type === "string" && output.enum === undefined && output.format === undefined);
  const outputSchema = plain ? undefined : output;
  TOOLS.set(name, { name, description, title, inputSchema: inputSchema(`input of tool ${name}`, input), outputSchema, call, hints });
}

/**
 * Declares the verifier. `judge` gets a step and, where there is a `config`, that; it gives one judgement per candidate, in their
 * order, made by `pass`, `fail` and `abstain`, and may be `async`.
 *
 * @typedef {object} Verifier
 * @property {string} [name] the plugin's, where it is not said
 * @property {string} description what it judges by
 * @property {Record<string, any>} [config] as the `input` of a tool
 * @property {(step: Step, config: any) => unknown} judge
 * @property {boolean} [deterministic] the author's claims, as those below
 * @property {boolean} [usesModel]
 * @property {boolean} [usesNetwork]
 * @property {boolean} [runsCode]
 * @param {Verifier} declared
 */
export function verifier({ name, description, config, judge, ...traits }) {
  check("verifier", name ?? "verifier", description, judge, "judge", traits, TRAITS);
  if (VERIFIERS.length > 0) {
    throw new TypeError("a plugin is one verifier; this one declares two");
  }
  const configSchema = config === undefined ? undefined : inputSchema("config of the verifier", config);
  VERIFIERS.push({ name, description, configSchema, judge, traits });
}

/** Calls a tool the way the host does: arguments from JSON, messages and all. @param {string} name @param {unknown} [input] */
export async function call(name, input = {}) {
  const tool = TOOLS.get(name);
  if (tool === undefined) {
    const there = [...TOOLS.keys()].join(", ") || "none";
    throw new Failure(`there is no tool ${name} here; there is ${there}`, { kind: "not-found", code: "unknown-tool" });
  }
  if (input === null || typeof input !== "object" || Array.isArray(input)) {
    throw invalid(`the arguments of ${name} must be an object`);
  }
  const decoded = decode(input, tool.inputSchema, name);
  try {
    return outcome(await tool.call(decoded), tool.outputSchema);
  } catch (error) {
    throw Failure.of(error);
  }
}

/** Judges a step: a `Step`, or one in the form that the host keeps. @param {any} step @param {unknown} [config] */
export async function judge(step, config = {}) {
  const [verifier] = VERIFIERS;
  if (verifier === undefined) {
    throw new Failure("no verifier is declared here; import the plugin's module first", { kind: "not-found", code: "no-verifier" });
  }
  const decoded = verifier.configSchema === undefined ? undefined : decode(config ?? {}, verifier.configSchema, "config");
  try {
    return [...(await verifier.judge(step instanceof Step ? step : Step.fromJSON(step), decoded))];
  } catch (error) {
    throw Failure.of(error);
  }
}

/** The outcome of a result. */
function outcome(result, outputSchema) {
  if (result instanceof Outcome) {
    return result;
  }
  if (result === undefined || (result === null && outputSchema === undefined)) {
    return new Outcome();
  }
  if (outputSchema === undefined) {
    if (typeof result === "string") {
      return new Outcome([new Text(result)]);
    }
    if (isContent(result) && !(result instanceof Artifact)) {
      return new Outcome([result]);
    }
    if (Array.isArray(result) && result.length > 0 && result.every(isContent)) {
      return new Outcome(result);
    }
  }
  const text = JSON.stringify(result);
  const structured = JSON.parse(text);
  return new Outcome([result instanceof Artifact ? result : new Text(text)], structured);
}

function check(what, name, description, work, called, claims, names) {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`a ${what} needs a name; write name: "hello"`);
  }
  if (typeof description !== "string" || description.trim() === "") {
    throw new TypeError(`${what} ${name} needs a description: it is what a model reads`);
  }
  if (typeof work !== "function") {
    throw new TypeError(`${what} ${name} needs the function ${called}`);
  }
  const unknown = Object.keys(claims).find((claim) => !names.includes(claim));
  if (unknown !== undefined) {
    throw new TypeError(`${what} ${name} has ${unknown}, which there is not; there is ${names.join(", ")}`);
  }
}
