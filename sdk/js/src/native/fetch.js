/** `sport:host/fetch` of a native test: it reaches nothing but what the test answers. */

import { current, refuse } from "./host.js";

export function fetch({ method, url, headers, body = new Uint8Array() }) {
  const host = current();
  const lines = headers.map(([name, { tag, val }]) => [name, tag === "plain" ? val : `${val[0]}<${val[1].name()}>`]);
  const asked = { method, url, headers: Object.fromEntries(lines), body };
  host.requests.push(asked);
  const answer = host.answers[url];
  if (answer === undefined) {
    refuse({ code: "denied", message: `${method} ${url}: the test's host has no answer to it`, sent: false });
  }
  return typeof answer === "function" ? answer(asked) : answer;
}
