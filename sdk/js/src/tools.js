/**
 * Other tools, on the caller's own budget and grants; must be granted.
 *
 *     const total = tools.invoke("calculate", { expression: "6*7" }).structured;
 */

import * as host from "#host/tools";
import { Outcome } from "./content.js";
import { asked } from "./failure.js";
import { liftContent } from "./wire.js";

/** The tools that may be called. @returns {{ name: string, description: string, inputSchema: object }[]} */
export function list() {
  return host.listTools().map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema: JSON.parse(inputSchema),
  }));
}

/** Calls a tool. @param {string} name @param {object} [argument] @returns {Outcome} */
export function invoke(name, argument = {}) {
  const outcome = asked(() => host.invoke(name, JSON.stringify(argument)));
  const structured = outcome.structured == null ? undefined : JSON.parse(outcome.structured);
  return new Outcome(outcome.content.map(liftContent), structured);
}
