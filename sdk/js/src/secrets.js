/**
 * Secrets that the host keeps: a plugin holds a handle, never the value, and puts it into a header of a request.
 *
 *     fetch.get(url, { headers: { authorization: ["Bearer ", new secrets.Secret("weather")] } });
 */

import * as host from "#host/secrets";
import { Failure } from "./failure.js";

/** A handle of a secret. */
export class Secret {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    try {
      this.handle = host.lookup(name);
    } catch (error) {
      if (error?.payload === "denied") {
        throw new Failure(`secret ${name} is denied`, { kind: "denied", code: "secret-denied" });
      }
      if (error?.payload !== "missing") {
        throw error;
      }
      const message = `there is no secret ${name}; the operator grants it`;
      throw new Failure(message, { kind: "not-found", code: "secret-missing" });
    }
  }
}
