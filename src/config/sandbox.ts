import { isValidAllowedDomainEntry } from '@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js';
import { z } from 'zod';
import type { OperatorPolicy } from '../domain/operator-policy.ts';
import { foundText, needs, type Mistake } from './mistakes.ts';
import { amount, jsonOf, namesIn, oneOf, text, whole } from './values.ts';

/** How commands of repositories run. */
export const SANDBOX = {
  SANDBOX: oneOf(['bubblewrap', 'none']).default('bubblewrap'),
  SETUP_NETWORK: text.default('deny'),
  SANDBOX_PARALLEL: whole().default(2),
  SANDBOX_MEMORY_MB: amount().default(4096),
  SANDBOX_DISK_MB: amount().default(8192),
  SANDBOX_READ_ONLY: text.default('[]'),
};

export interface SandboxConfig {
  readonly confinement: 'bubblewrap' | 'none';
  /** Hosts that a setup command may reach; empty for none. */
  readonly setupNetwork: readonly string[];
  readonly parallel: number;
  readonly memoryMegabytes: number;
  /** What one command may write to disk. */
  readonly diskMegabytes: number;
  /** Directories of this machine that checks may read: host path → path in the checkout. */
  readonly readOnly: readonly { readonly from: string; readonly at: string }[];
}

/** Narrowed by the operator's policy. */
export function sandboxOf(
  env: z.infer<z.ZodObject<typeof SANDBOX>>,
  policy: Pick<OperatorPolicy, 'sandbox' | 'setup_network'>,
  mistakes: Mistake[],
): SandboxConfig {
  if (policy.sandbox === 'bubblewrap' && env.SANDBOX === 'none')
    mistakes.push({
      variable: 'SANDBOX',
      found: 'none',
      expected: needs(
        'bubblewrap, as the policy of CONVERGE_POLICY says',
        'Leave SANDBOX out, or take `sandbox: bubblewrap` out of the policy',
      ),
    });
  const setupNetwork = hostsIn(env.SETUP_NETWORK, mistakes);
  return {
    confinement: env.SANDBOX,
    setupNetwork: policy.setup_network === 'deny' ? [] : setupNetwork,
    parallel: env.SANDBOX_PARALLEL,
    memoryMegabytes: env.SANDBOX_MEMORY_MB,
    diskMegabytes: env.SANDBOX_DISK_MB,
    readOnly: readOnlyIn(env.SANDBOX_READ_ONLY, mistakes),
  };
}

/** A name of at least two parts, or `*.` and one, with an optional port; the proxy, which has the last word, takes the same and addresses besides. */
const HOST = /^(?:\*\.(?:[a-z0-9-]+\.)+|(?:[a-z0-9-]+\.)*)[a-z0-9-]*[a-z][a-z0-9-]*(?::[1-9]\d{0,4})?$/u;

function hostsIn(list: string, mistakes: Mistake[]): readonly string[] {
  const hosts = [...namesIn(list)];
  if (hosts.length === 1 && hosts[0] === 'deny') return [];
  const wrong = hosts.filter((host) => !HOST.test(host) || !isValidAllowedDomainEntry(host));
  if (wrong.length > 0)
    mistakes.push({
      variable: 'SETUP_NETWORK',
      found: foundText('SETUP_NETWORK', wrong.join(', ')),
      expected: needs(
        '`deny`, or the hosts that setup may reach, such as `registry.example.org, *.example.org:443`, each with a dot',
        'Name each host; there is no word for the whole network',
      ),
    });
  return hosts;
}

const ReadOnly = z.array(z.strictObject({ from: z.string(), at: z.string() }));

function readOnlyIn(source: string, mistakes: Mistake[]): SandboxConfig['readOnly'] {
  const read = ReadOnly.safeParse(jsonOf(source));
  if (read.success) return read.data;
  mistakes.push({
    variable: 'SANDBOX_READ_ONLY',
    found: foundText('SANDBOX_READ_ONLY', source),
    expected: needs('a JSON list of {"from": path on this machine, "at": path in the checkout}', 'Leave it out for none'),
  });
  return [];
}
