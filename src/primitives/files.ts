import { z } from 'zod';
import { readArguments } from './arguments.ts';
import type { Primitive } from './primitive.ts';
import { toOutcome } from './to-outcome.ts';

const schema = z.tuple([z.string().min(1).max(1000)]);

/** Sorted paths of the base tree that match a glob. */
export const files: Primitive = {
  name: 'files',
  prepare: async (args, context) => {
    const [glob] = readArguments({ form: 'files(glob)', schema, args });
    const { tree } = context.plan.base;
    return {
      kind: 'files',
      label: `files ${glob}`,
      phase: '',
      identity: { glob, tree },
      perform: () => toOutcome(context, async () => ({ kind: 'value', value: await context.repository.workspace(tree).list(glob) })),
    };
  },
  view: (value) => value,
};
