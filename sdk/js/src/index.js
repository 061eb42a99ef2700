/**
 * Tools and verifiers for Sport, written as ordinary JavaScript.
 *
 *     import { tool } from "sport";
 *
 *     tool({
 *       name: "hello",
 *       description: "Greets someone by name.",
 *       input: { name: { type: "string" } },
 *       call: ({ name }) => `hello, ${name}`,
 *     });
 *
 * What a plugin may ask of the host are names of their own: `artifacts`, `kv`, `fetch`, `secrets`, `tools`, `chat`, and `log` and
 * `context`, which need no grant. A component imports what its code uses and nothing else: that list is its request for
 * capabilities. `sport/testing` runs a plugin natively, on a host in memory.
 */

export { Artifact, Audio, Image, Other, Outcome, Text } from "./content.js";
export { Failure } from "./failure.js";
export { tool, verifier } from "./plugin.js";
export { abstain, fail, pass } from "./verify.js";
export * as artifacts from "./artifacts.js";
export * as chat from "./chat.js";
export * as context from "./context.js";
export * as fetch from "./fetch.js";
export * as kv from "./kv.js";
export * as log from "./log.js";
export * as secrets from "./secrets.js";
export * as tools from "./tools.js";
