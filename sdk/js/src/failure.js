/** Why something could not be done. */

/** The kinds of the contract. */
export const KINDS = [
  "invalid-input",
  "not-found",
  "denied",
  "unavailable",
  "deadline",
  "exhausted",
  "cancelled",
  "conflict",
  "rate-limited",
  "internal",
];

/**
 * Why a call could not be done; throw it. The message is read by a person or a model: say what was wrong and what to do.
 *
 * `kind` is one of the contract's, `code` a stable kebab-case word that a program may branch on (the kind where none is given).
 * Anything else that is thrown becomes a failure of kind `internal`.
 *
 *     throw new Failure("there is no city of that name", { kind: "not-found", code: "no-such-city" });
 */
export class Failure extends Error {
  /**
   * @param {string} message
   * @param {{ kind?: string, code?: string, retryable?: boolean, details?: unknown, cause?: unknown }} [more]
   */
  constructor(message, { kind = "internal", code = kind, retryable = false, details, cause } = {}) {
    if (!KINDS.includes(kind)) {
      throw new RangeError(`there is no kind of failure ${JSON.stringify(kind)}; there is ${KINDS.join(", ")}`);
    }
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Failure";
    this.kind = kind;
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }

  /** The failure that something thrown is. @param {unknown} thrown @returns {Failure} */
  static of(thrown) {
    if (thrown instanceof Failure) {
      return thrown;
    }
    const words = thrown instanceof Error && thrown.message ? `${thrown.name}: ${thrown.message}` : String(thrown);
    if (/too much recursion|Maximum call stack/.test(words)) {
      return new Failure("the work calls itself too deeply", { kind: "exhausted", code: "stack-exhausted", cause: thrown });
    }
    if (/out of memory|Array buffer allocation failed/.test(words)) {
      return new Failure("the work needs more memory than it may use", { kind: "exhausted", code: "memory-exhausted" });
    }
    return new Failure(words, { cause: thrown });
  }
}

/** The arguments were wrong. @param {string} message @param {string} [code] */
export function invalid(message, code = "invalid-input") {
  return new Failure(message, { kind: "invalid-input", code });
}

/**
 * Calls the host and makes a `Failure` of what it answers with.
 *
 * @template T
 * @param {() => T} call
 * @returns {T}
 */
export function asked(call) {
  try {
    return call();
  } catch (error) {
    const record = error?.payload;
    if (!KINDS.includes(record?.kind)) {
      throw error;
    }
    const details = record.details == null ? undefined : JSON.parse(record.details);
    throw new Failure(record.message, { kind: record.kind, code: record.code, retryable: record.retryable, details });
  }
}
