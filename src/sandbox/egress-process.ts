import { createServer } from 'node:net';
import { createHttpProxyServer } from '@anthropic-ai/sandbox-runtime/dist/sandbox/http-proxy.js';
import { isValidAllowedDomainEntry, matchesDomainPatternWithPort } from '@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js';
import { canonicalizeHost } from '@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js';
import { createResolvedAddressGuard } from '@anthropic-ai/sandbox-runtime/dist/sandbox/resolved-address-guard.js';

/**
 * The filtering proxy of one setup command, in a process of its own that holds no key: what the command sends is parsed here. It listens on a socket that
 * only the command's sandbox shows, lets through what the operator's list names, and ends when the process that started it does.
 */
const [socket = '', ...hosts] = process.argv.slice(2);

const invalid = hosts.filter((host) => !isValidAllowedDomainEntry(host));
if (invalid.length > 0) {
  console.error(`found ${invalid.join(', ')}, expected host names`);
  process.exit(1);
}

// A listed name that resolves to this machine, to a link-local or a metadata address is refused; the address that was judged is the one that is dialled.
const guard = createResolvedAddressGuard({ allowedDomains: hosts });
const told = new Set<string>();

const proxy = createHttpProxyServer({
  filter: (port, host) => {
    const name = canonicalizeHost(host);
    const allowed = name !== undefined && hosts.some((pattern) => matchesDomainPatternWithPort(name, port, pattern));
    if (!allowed) tell(`${host}:${port}`);
    return allowed;
  },
  lookupFor: (port) => guard.lookupFor(port),
  requireAsciiHost: true,
  requireHostMatch: true,
});

/** Names of refused hosts, for the person who reads why a setup failed. */
function tell(name: string): void {
  if (told.size >= 20 || told.has(name)) return;
  told.add(name);
  process.stdout.write(`${JSON.stringify({ refused: name.slice(0, 200) })}\n`);
}

const listener = createServer((connection) => proxy.emit('connection', connection));
listener.listen(socket, () => process.stdout.write(`${JSON.stringify({ ready: true })}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
