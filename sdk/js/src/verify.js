/** What a verifier is given and what it gives back: the records of `sport:verifier`, with JSON parsed. */

/**
 * @typedef {{ kind: string, code: string, message: string, retryable?: boolean }} Refusal
 * @typedef {{ name: string, arguments: any, result?: any, failure?: Refusal }} ToolUse one tool call of a candidate
 * @typedef {{ tool: number, pointer: string, effect: string, changedTo: any, answerUnder?: any }} Dependence counterfactual fact:
 *   the code was run again with one value of a tool's result changed
 * @typedef {{ ending: string, error?: string, tools: ToolUse[], dependences: Dependence[], wallMs: number }} Execution what the
 *   host saw; a candidate cannot forge it
 * @typedef {{ code: string, thought: string, observation: any[], execution: Execution, answer?: any }} Candidate
 * @typedef {{ verdict: "pass" | "fail" | "abstain", score?: number, rationale: string, evidence: string[] }} Judgement
 */

/** One step of a task with its candidates, in the order in which they are to be judged. */
export class Step {
  /** @param {Partial<Step>} fields */
  constructor({ query = "", candidates = [], files = [], captions = [], tools = [], history = [], depth = 0, maxDepth = 0 }) {
    this.query = query;
    /** @type {Candidate[]} */
    this.candidates = candidates.map(action);
    this.files = files;
    /** @type {string[]} one for each file, empty where there is none */
    this.captions = captions;
    this.tools = tools;
    /** @type {Candidate[]} earlier steps: only the winner is kept */
    this.history = history.map(action);
    this.depth = depth;
    this.maxDepth = maxDepth;
  }

  /** A step in the form that the host keeps and that `cases.json` has. @param {Record<string, any>} value */
  static fromJSON(value) {
    const acted = (one) => ({ ...one, answer: one.answer ?? undefined, execution: executed(one.execution ?? {}) });
    const candidates = (value.candidates ?? []).map(acted);
    const history = (value.history ?? []).map(acted);
    return new Step({ ...value, candidates, history, maxDepth: value.max_depth ?? 0 });
  }
}

/** Good, with a score from 0 to 1. `evidence` are quotes that occur in the candidate; the host checks. @returns {Judgement} */
export function pass(score, rationale, evidence = []) {
  return { verdict: "pass", score, rationale, evidence };
}

/** Bad, with a score from 0 to 1. @returns {Judgement} */
export function fail(score, rationale, evidence = []) {
  return { verdict: "fail", score, rationale, evidence };
}

/** Cannot say. @returns {Judgement} */
export function abstain(rationale) {
  return { verdict: "abstain", score: undefined, rationale, evidence: [] };
}

function action({ code, thought = "", observation = [], execution = {}, answer }) {
  const { ending = "unparsed", error, tools = [], dependences = [], wallMs = 0 } = execution;
  return { code, thought, observation, execution: { ending, error, tools, dependences, wallMs }, answer };
}

function executed({ ending, error, tools = [], dependences = [], wall_ms: wallMs }) {
  return {
    ending,
    error: error ?? undefined,
    tools: tools.map(({ name, arguments: given, outcome = {} }) => {
      // The host's own record has content beside the structured result.
      const whole = outcome.Ok !== null && typeof outcome.Ok === "object" && "content" in outcome.Ok && "structured" in outcome.Ok;
      return { name, arguments: given, result: whole ? outcome.Ok.structured : outcome.Ok, failure: outcome.Err };
    }),
    dependences: dependences.map(({ tool, pointer, effect, changed_to: changedTo, answer_under: answerUnder }) => ({
      tool,
      pointer,
      effect,
      changedTo,
      answerUnder,
    })),
    wallMs,
  };
}
