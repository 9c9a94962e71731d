import { z } from 'zod';
import { NO_POLICY, parseOperatorPolicy, type OperatorPolicy } from '../domain/operator-policy.ts';
import { unknownWaits, WAIT_NAMES } from '../waits.ts';
import { foundText, needs, type Mistake } from './mistakes.ts';
import { jsonOf, readFile, text } from './values.ts';

/** What the operator says beside limits: a policy, the switch, waits. */
export const OPERATOR = {
  CONVERGE_POLICY: text.optional(),
  CONVERGE_TIMINGS: text.default('{}'),
  CONVERGE_DISABLED: text.optional(),
};

export interface OperatorConfig {
  /** Narrows all that this configuration allows. */
  readonly policy: OperatorPolicy;
  /** Waits in milliseconds that differ from production's, by name; see README.md. */
  readonly timings: Readonly<Record<string, number>>;
  /** Why nothing may be spent while this process lives; null when it may. The file `DISABLED` in the data directory says the same while it is there. */
  readonly disabled: string | null;
}

export function operatorOf(env: z.infer<z.ZodObject<typeof OPERATOR>>, mistakes: Mistake[]): OperatorConfig {
  return {
    policy: policyIn(env.CONVERGE_POLICY, mistakes),
    timings: timingsIn(env.CONVERGE_TIMINGS, mistakes),
    disabled: disabledIn(env.CONVERGE_DISABLED, mistakes),
  };
}

/** One that cannot be read is a mistake, never no policy. */
function policyIn(path: string | undefined, mistakes: Mistake[]): OperatorPolicy {
  if (path === undefined) return NO_POLICY;
  const source = readFile(path);
  if (source === undefined) {
    const expected = needs("the operator's policy in YAML", 'Give the path of a file that this process can read, or leave it out');
    mistakes.push({ variable: 'CONVERGE_POLICY', found: `no readable file ${path}`, expected });
    return NO_POLICY;
  }
  const parsed = parseOperatorPolicy(source);
  if ('policy' in parsed) return parsed.policy;
  for (const { key, found, expected } of parsed.errors)
    mistakes.push({ variable: `CONVERGE_POLICY, ${path}, ${key}`, found, expected: needs(expected, 'Mend it in that file') });
  return NO_POLICY;
}

const Timings = z.record(z.string(), z.number().nonnegative());

function timingsIn(source: string, mistakes: Mistake[]): OperatorConfig['timings'] {
  const variable = 'CONVERGE_TIMINGS';
  const read = Timings.safeParse(jsonOf(source));
  if (!read.success) {
    const expected = needs('a JSON object of milliseconds by name', `The names are ${WAIT_NAMES.join(', ')}`);
    mistakes.push({ variable, found: foundText(variable, source), expected });
    return {};
  }
  const unknown = unknownWaits(read.data);
  if (unknown.length > 0) {
    const expected = needs(`some of: ${WAIT_NAMES.join(', ')}`, 'Take the others out');
    mistakes.push({ variable, found: foundText(variable, unknown.join(', ')), expected });
  }
  return read.data;
}

/** A word that says the opposite is a mistake: whoever reads the environment must not have to guess what it means. */
function disabledIn(reason: string | undefined, mistakes: Mistake[]): string | null {
  if (reason === undefined) return null;
  if (/^(?:0|false|no|off)$/iu.test(reason.trim())) {
    const expected = needs('why nothing may be spent, or 1', 'Leave the variable out to have Converge switched on');
    mistakes.push({ variable: 'CONVERGE_DISABLED', found: reason, expected });
  }
  return /^(?:1|true|yes|on)$/iu.test(reason.trim()) ? '' : reason;
}
