import { z } from 'zod';
import { toJson } from '../domain/json.ts';
import { readArguments } from './arguments.ts';
import type { Primitive } from './primitive.ts';
import { toOutcome } from './to-outcome.ts';

const MOST_MATCHES = 1_000;

const options = z.strictObject({ paths: z.array(z.string().min(1).max(1000)).max(1000).optional() });
const schema = z.tuple([z.string().min(1).max(2000), options.nullish()]);

/** `[{path, line, text}]` of the base tree, at most 1,000; that there were more is told in the run's log. */
export const grep: Primitive = {
  name: 'grep',
  prepare: async (args, context) => {
    const [pattern, given] = readArguments({ form: 'grep(pattern, {paths})', schema, args });
    const paths = given?.paths ?? [];
    const { tree } = context.plan.base;
    return {
      kind: 'grep',
      label: `grep ${pattern}`,
      phase: '',
      identity: { pattern, paths, tree },
      perform: () =>
        toOutcome(context, async () => {
          const { matches, cut } = await context.repository.workspace(tree).grep(pattern, { paths, limit: MOST_MATCHES });
          if (cut) {
            const text = `grep(${JSON.stringify(pattern)}) found more than ${MOST_MATCHES.toLocaleString('en-US')} lines; the script was given the first ones. Narrow it with \`paths\`.`;
            await context.journal.append(context.run, [{ type: 'log', text }]);
          }
          return { kind: 'value', value: toJson(matches) };
        }),
    };
  },
  view: (value) => value,
};
