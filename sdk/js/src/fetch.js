/**
 * Requests to hosts that the operator granted. Redirects come back as they are.
 *
 *     const response = fetch.get("https://api.example.com/now");
 *     if (response.status !== 200) {
 *       throw new Failure(`the service answered ${response.status}`, { kind: "unavailable" });
 *     }
 */

import * as host from "#host/fetch";
import { Failure } from "./failure.js";

/** From the contract's code to kind of failure; the failure's code is `fetch-` and the contract's. */
const KINDS = { invalid: "invalid-input", denied: "denied", deadline: "deadline", "too-large": "exhausted" };

/** What came back: status, headers (names in lower case), body, and whether there was more than was taken. */
export class Response {
  /** @param {number} status @param {{ headers?: [string, string][], body?: Uint8Array | string, truncated?: boolean }} [more] */
  constructor(status, { headers = [], body = "", truncated = false } = {}) {
    this.status = status;
    this.headers = headers;
    this.body = typeof body === "string" ? new TextEncoder().encode(body) : body;
    this.truncated = truncated;
  }

  /** The first header of this name, if there is one. @param {string} name */
  header(name) {
    return this.headers.find(([own]) => own === name.toLowerCase())?.[1];
  }

  /** The body as text. */
  text() {
    return new TextDecoder().decode(this.body);
  }

  /** The body as JSON. */
  json() {
    return JSON.parse(this.text());
  }
}

/**
 * Makes a request. Throws a `Failure` where nothing came back.
 *
 * @typedef {import("./secrets.js").Secret} Secret
 * @param {string} method
 * @param {string} url
 * @param {{ headers?: Record<string, string | [string, Secret]>, body?: Uint8Array | string, timeoutMs?: number, maxBody?: number }} [options]
 *   a header's value is a text, or a prefix and a secret
 * @returns {Response}
 */
export function request(method, url, { headers = {}, body, timeoutMs, maxBody } = {}) {
  const lines = Object.entries(headers).map(([name, value]) =>
    typeof value === "string"
      ? [name, { tag: "plain", val: value }]
      : [name, { tag: "secret", val: [value[0], value[1].handle] }],
  );
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  try {
    const answer = host.fetch({ method, url, headers: lines, body: bytes, timeoutMs, maxBody });
    return new Response(answer.status, answer);
  } catch (error) {
    const code = error?.payload?.code;
    if (code === undefined) {
      throw error;
    }
    throw new Failure(error.payload.message, { kind: KINDS[code] ?? "unavailable", code: `fetch-${code}` });
  }
}

/** A GET. @param {string} url @param {Parameters<typeof request>[2]} [options] */
export function get(url, options) {
  return request("GET", url, options);
}

/** A POST. @param {string} url @param {Uint8Array | string} body @param {Parameters<typeof request>[2]} [options] */
export function post(url, body, options) {
  return request("POST", url, { ...options, body });
}
