/**
 * A component of this SDK has no machine below it: no clock, no timers, no network, no random numbers from outside.
 *
 * Where the engine would ask for one, the component would trap and the author would read `unreachable`. So those functions are
 * replaced, once the plugin's module was evaluated, by ones that say what to do instead; the console goes to the log.
 */

import { record } from "../log.js";

const clock = "a plugin has no clock; take the time as an argument";
const chance = "a plugin has no random numbers from outside; take a seed as an argument";

function absent(name, remedy) {
  return () => {
    throw new Error(`${name} is not there: ${remedy}`);
  };
}

const RealDate = Date;
const now = absent("Date.now", clock);
RealDate.now = now;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, made) => Reflect.construct(target, given.length === 0 ? [now()] : given, made),
  apply: now,
});
RealDate.prototype.constructor = globalThis.Date;
performance.now = absent("performance.now", clock);

// Always the same numbers, so that a call is the same twice and a build is tested as it will run.
let state = 1;
Math.random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
for (const name of ["getRandomValues", "randomUUID"]) {
  Object.defineProperty(crypto, name, { value: absent(`crypto.${name}`, chance) });
}

for (const name of ["setTimeout", "setInterval"]) {
  globalThis[name] = absent(name, "a plugin cannot wait");
}
globalThis.fetch = absent("fetch", 'write import { fetch } from "sport"');

const levels = { trace: "trace", debug: "debug", log: "info", info: "info", warn: "warn", error: "error" };
for (const [name, level] of Object.entries(levels)) {
  console[name] = (...words) => record(level, words.map(shown).join(" "));
}

function shown(value) {
  if (value instanceof Error) {
    return `${value.name}: ${value.message}`;
  }
  try {
    return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
