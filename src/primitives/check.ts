import { z } from 'zod';
import { ConvergeError } from '../domain/errors.ts';
import { tail } from '../verify/checks.ts';
import { handle, readArguments } from './arguments.ts';
import { lay } from './change-of.ts';
import type { Primitive } from './primitive.ts';
import { toOutcome } from './to-outcome.ts';
import { whileWanted } from './wanted.ts';

const schema = z.tuple([z.string(), handle]);

/** One of the plan's commands on a change's tree, in the sandbox: `{ok, exitCode, output}`. */
export const check: Primitive = {
  name: 'check',
  prepare: async (args, context) => {
    const [name, { id }] = readArguments({ form: 'check(name, change)', schema, args });
    const change = await context.handles.change(id);
    const known = context.plan.checks.find((one) => one.name === name);
    if (known === undefined) {
      const names = context.plan.checks.map((one) => one.name).join(', ') || 'it has none';
      throw new ConvergeError('script', `check(): the approved plan has no check \`${name}\`. Its checks: ${names}.`);
    }
    return {
      kind: 'check',
      label: `check ${name} on ${change.shard}`,
      phase: '',
      identity: { name, run: known.run, change: change.id, tree: change.tree },
      perform: () =>
        whileWanted(context, change.shard, (own) =>
          toOutcome(own, async () => {
            await lay(change, own);
            const result = await own.checks.run(known, change.tree);
            return { kind: 'value', value: { ok: result.ok, exitCode: result.exitCode, output: tail(result.output) } };
          }),
        ),
    };
  },
  view: (value) => value,
};
