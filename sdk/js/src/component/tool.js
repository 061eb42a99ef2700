/** What a component of tools exports: `sport:tool/tool`. */

import { TOOLS, call } from "../plugin.js";
import { lowerContent } from "../wire.js";
import { lowered } from "./lower.js";

export const tool = {
  /** What each of them is. */
  describe() {
    return [...TOOLS.values()].map(({ name, title, description, inputSchema, outputSchema, hints }) => ({
      name,
      title,
      description,
      inputSchema: JSON.stringify(inputSchema),
      outputSchema: outputSchema === undefined ? undefined : JSON.stringify(outputSchema),
      hints,
    }));
  },

  /** Calls one. */
  async call(name, given) {
    try {
      const { content, structured } = await call(name, JSON.parse(given));
      return {
        content: content.map(lowerContent),
        structured: structured === undefined ? undefined : JSON.stringify(structured),
      };
    } catch (error) {
      throw lowered(error);
    }
  },
};
