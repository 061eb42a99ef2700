/** What a verifier component exports: `sport:verifier/verifier`. */

import { Artifact } from "../content.js";
import { VERIFIERS, judge } from "../plugin.js";
import { Step } from "../verify.js";
import { liftContent } from "../wire.js";
import { lowered } from "./lower.js";

export const verifier = {
  /** What it is. */
  describe() {
    const [{ name, description, configSchema, traits }] = VERIFIERS;
    return {
      name: name ?? globalThis.SPORT_NAME,
      description,
      configSchema: configSchema === undefined ? undefined : JSON.stringify(configSchema),
      traits,
    };
  },

  /** Judges a step. */
  async judge(step, config) {
    try {
      const judged = await judge(lifted(step), JSON.parse(config));
      return judged.map(({ verdict, score, rationale = "", evidence = [] }) => ({ verdict, score, rationale, evidence }));
    } catch (error) {
      throw lowered(error);
    }
  },
};

function lifted({ files, tools, candidates, history, ...step }) {
  return new Step({
    ...step,
    files: files.map(({ digest, mediaType, size, name }) => new Artifact(digest, mediaType, Number(size), name)),
    tools: tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema: JSON.parse(inputSchema) })),
    candidates: candidates.map((one) => ({ ...action(one), answer: parsed(one.answer) })),
    history: history.map(action),
  });
}

function action({ code, thought, observation, execution }) {
  const { ending, error, tools, dependences, wallMs } = execution;
  return {
    code,
    thought,
    observation: observation.map(liftContent),
    execution: {
      ending,
      error: error ?? undefined,
      tools: tools.map(({ name, arguments: given, outcome }) => ({
        name,
        arguments: JSON.parse(given),
        result: outcome.tag === "ok" ? parsed(outcome.val) : undefined,
        failure: outcome.tag === "err" ? outcome.val : undefined,
      })),
      dependences: dependences.map(({ tool, pointer, effect, changedTo, answerUnder }) => ({
        tool,
        pointer,
        effect,
        changedTo: JSON.parse(changedTo),
        answerUnder: parsed(answerUnder),
      })),
      wallMs: Number(wallMs),
    },
  };
}

function parsed(text) {
  return text == null ? undefined : JSON.parse(text);
}
