/**
 * Runs a plugin natively, on a host in memory.
 *
 *     const host = new Host({ answers: { "https://api.example.com/now": new fetch.Response(200, { body: "{}" }) } });
 *     const outcome = await host.run(() => call("forecast", { city: "Ulm" }));
 */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { Artifact } from "./content.js";
import { Failure } from "./failure.js";
import { State, running } from "./native/host.js";
import { TOOLS, call, judge } from "./plugin.js";

export { call, judge };

/**
 * What the host would answer: artifacts, keys, log, budget, requests, secrets, models and other tools, all in memory.
 *
 * Nothing is reached: a request to a URL that `answers` does not name is denied, as one to a host that nobody granted. `answers`
 * maps a URL to a `fetch.Response` or to a function of the request, `tools` a name to a function of the arguments, `models` a role
 * to a text or to a function of the question. What the plugin did is in `log`, `progress`, `requests`, `questions` and `keys`.
 */
export class Host extends State {
  /**
   * @param {{ answers?: Record<string, any>, tools?: Record<string, (input: any) => any>, models?: Record<string, any>,
   *   secrets?: string[], runId?: string }} [what]
   */
  constructor(what) {
    super(what);
  }

  /** Does something on this host; outside of that there is one with nothing in it. @template T @param {() => T} work @returns {T} */
  run(work) {
    return running.run(this, work);
  }

  /** Puts a file into the store, for a tool to be given. @param {Uint8Array | string} data @param {string} [mediaType] @param {string} [name] */
  file(data, mediaType = "application/octet-stream", name = undefined) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    const { digest, size } = this.store(bytes, mediaType, name);
    return new Artifact(digest, mediaType, Number(size), name);
  }
}

/** Runs every case of a `cases.json` and throws one error with all that are not as they should be. @param {URL} url */
export async function cases(url) {
  const listed = JSON.parse(await readFile(url, "utf8"));
  const name = basename(url.pathname);
  if (listed.length === 0) {
    throw new Error(`${name} has no case`);
  }
  const wrong = [];
  for (const [index, one] of listed.entries()) {
    const reason = await new Host().run(() => ("step" in one ? judged(one) : called(one, url)));
    if (reason !== undefined) {
      wrong.push(`${name}, case ${index + 1} (${one.tool ?? "judge"}): ${reason}`);
    }
  }
  if (wrong.length > 0) {
    throw new Error(wrong.join("\n"));
  }
}

async function called(one, url) {
  return expected(one, await tried(async () => call(one.tool, await withFiles(one, url))), ({ text, structured }) => {
    if ("text" in one && text !== one.text) {
      return `the text is ${JSON.stringify(text)}; it should be ${JSON.stringify(one.text)}`;
    }
    if ("structured" in one && !isDeepStrictEqual(structured, one.structured)) {
      return `the result is ${JSON.stringify(structured)}; it should be ${JSON.stringify(one.structured)}`;
    }
    return undefined;
  });
}

async function judged(one) {
  return expected(one, await tried(() => judge(one.step, one.config)), (judgements) => {
    const verdicts = judgements.map(({ verdict }) => verdict);
    const right = isDeepStrictEqual(verdicts, one.verdicts);
    return right ? undefined : `the verdicts are ${JSON.stringify(verdicts)}; they should be ${JSON.stringify(one.verdicts)}`;
  });
}

function expected(one, { failure, result }, check) {
  if (failure !== undefined) {
    const fits = one.failure === failure.kind || one.failure === failure.code;
    const should = one.failure === undefined ? "" : `; it should fail with ${one.failure}`;
    return fits ? undefined : `it failed with ${failure.kind}: ${failure.message} (${failure.code})${should}`;
  }
  return one.failure === undefined ? check(result) : `it should fail with ${one.failure}, and it did not`;
}

async function tried(work) {
  try {
    return { result: await work() };
  } catch (error) {
    if (error instanceof Failure) {
      return { failure: error };
    }
    throw error;
  }
}

/** The arguments with the names of the case's files turned into references, where the tool wants files. */
async function withFiles({ tool, arguments: given = {}, files = [] }, url) {
  const host = running.getStore();
  const references = new Map();
  for (const file of files) {
    const name = basename(file);
    references.set(name, host.file(await readFile(new URL(file, url)), undefined, name).toJSON());
  }
  const properties = TOOLS.get(tool)?.inputSchema.properties ?? {};
  const wants = ([name]) => JSON.stringify(properties[name] ?? "").includes("sport-artifact");
  return Object.fromEntries(
    Object.entries(given).map((entry) => [entry[0], wants(entry) ? replaced(entry[1], references) : entry[1]]),
  );
}

function replaced(value, references) {
  if (typeof value === "string") {
    return references.get(value) ?? value;
  }
  if (Array.isArray(value)) {
    return value.map((one) => replaced(one, references));
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, replaced(one, references)]));
  }
  return value;
}
