import { ConvergeError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { openChecks } from '../verify/checks.ts';
import { accept } from './accept.ts';
import { openAcceptances } from './acceptances.ts';
import { agent } from './agent.ts';
import { approval } from './approval.ts';
import { openCensus } from './census.ts';
import { check } from './check.ts';
import { files } from './files.ts';
import { grep } from './grep.ts';
import { openHandles } from './handles.ts';
import { codemod } from './later.ts';
import { migrate } from './migrate.ts';
import { openPrecedents } from './precedents.ts';
import type { CallContext, PreparedCall, Primitive, PrimitivePorts } from './primitive.ts';
import { review } from './review.ts';
import { revise } from './revise.ts';
import { openWanted } from './wanted.ts';

/** All primitives that reach the host; `phase`, `log`, `parallel`, `pipeline`, `workflow`, `failures` and the frozen values live in the guest. */
const PRIMITIVES: readonly Primitive[] = [agent, files, grep, migrate, codemod, review, revise, check, accept, approval];

/** The calls of one run, as the script's replay asks for them. */
export interface Primitives {
  /** Throws ConvergeError of kind `script` for what the script did wrong. `own`: what this call is carried out with instead of the run's. */
  prepare(kind: string, args: readonly Json[], own?: OwnPorts): Promise<PreparedCall>;
  /** What the script sees of a journaled value. */
  view(kind: string, value: Json): Json;
}

/** Of a call that a worker carries out: its journal writes only while the worker holds the call. */
export type OwnPorts = Pick<PrimitivePorts, 'journal' | 'signal' | 'phase'>;

export function openPrimitives(ports: PrimitivePorts): Primitives {
  const { run, journal, plan, commands, signal } = ports;
  const context: CallContext = {
    ...ports,
    checks: openChecks(commands, signal),
    handles: openHandles(run, journal),
    census: openCensus({ run, journal, limits: plan.limits, shared: ports.shared ?? false }),
    acceptances: openAcceptances(run, journal),
    precedents: openPrecedents(run, journal),
    wanted: openWanted(ports),
  };
  return {
    prepare: async (kind, args, own) =>
      primitiveNamed(kind).prepare(args, own === undefined ? context : { ...context, ...own, checks: openChecks(commands, own.signal) }),
    view: (kind, value) => primitiveNamed(kind).view(value),
  };
}

function primitiveNamed(name: string): Primitive {
  const found = PRIMITIVES.find((primitive) => primitive.name === name);
  if (found !== undefined) return found;
  throw new ConvergeError(
    'script',
    `There is no primitive \`${name}\`. There are: ${PRIMITIVES.map((primitive) => primitive.name).join(', ')}.`,
  );
}
