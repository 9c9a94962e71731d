import { readFile } from 'node:fs/promises';

/** What the kernel says of namespaces here; null where it has no such switch. */
export interface KernelFacts {
  /** `user.max_user_namespaces`. */
  readonly userNamespaces: number | null;
  /** Debian's `kernel.unprivileged_userns_clone`. */
  readonly unprivilegedClone: number | null;
  /** Ubuntu's `kernel.apparmor_restrict_unprivileged_userns`. */
  readonly apparmorRestricts: number | null;
  /** Whether a seccomp filter stands over this process: a container's, or its unit's. */
  readonly filtered: boolean;
}

/** Bubblewrap and prlimit as Debian calls their packages. */
export const INSTALL =
  'Install the packages `bubblewrap` and `util-linux` (Debian and Ubuntu: `apt-get install bubblewrap util-linux`), or set SANDBOX=none to run commands without a sandbox.';

const CONTAINER = 'In a container start it with `.docker/seccomp.json` and `systempaths=unconfined`, as `.docker/compose.yml` does.';

/** Which part of the sandbox is missing by what its first command said, and what to install or to set. */
export function missingPart(told: string, kernel: KernelFacts): string {
  if (/prlimit/u.test(told)) return `\`prlimit\` was not found. ${INSTALL}`;
  return `bubblewrap is installed but cannot confine commands here: ${told.trim().slice(0, 300)} ${remedy(told, kernel)}`;
}

function remedy(told: string, kernel: KernelFacts): string {
  if (/mount proc/iu.test(told)) {
    return 'Parts of /proc are masked here, so that no other /proc can be mounted: start the container with `--security-opt systempaths=unconfined`, as `.docker/compose.yml` does.';
  }
  return /namespace|uid map|unshare|clone|pivot_root|mount|loopback/iu.test(told) ? namespaces(kernel) : CONTAINER;
}

function namespaces({ userNamespaces, unprivilegedClone, apparmorRestricts, filtered }: KernelFacts): string {
  if (userNamespaces === 0) return 'User namespaces are switched off: set `sysctl user.max_user_namespaces=10000` on the host.';
  if (unprivilegedClone === 0)
    return 'User namespaces are switched off for users without rights: set `sysctl kernel.unprivileged_userns_clone=1` on the host.';
  if (filtered) return `A seccomp filter forbids namespaces and mounts. ${CONTAINER}`;
  if (apparmorRestricts === 1) {
    return 'AppArmor forbids user namespaces: set `sysctl kernel.apparmor_restrict_unprivileged_userns=0` on the host, or give `bwrap` an AppArmor profile that grants `userns`.';
  }
  return `Namespaces or mounts are forbidden here (AppArmor or SELinux perhaps: grant them, or \`--security-opt apparmor=unconfined\`). ${CONTAINER}`;
}

/** Reads them from /proc. */
export async function kernelFacts(): Promise<KernelFacts> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const [userNamespaces, unprivilegedClone, apparmorRestricts] = await Promise.all(
    ['user/max_user_namespaces', 'kernel/unprivileged_userns_clone', 'kernel/apparmor_restrict_unprivileged_userns'].map(number),
  );
  return {
    userNamespaces: userNamespaces ?? null,
    unprivilegedClone: unprivilegedClone ?? null,
    apparmorRestricts: apparmorRestricts ?? null,
    filtered: /^Seccomp:\s*2$/mu.test(status),
  };
}

async function number(name: string): Promise<number | null> {
  const text = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => null);
  return text === null ? null : Number(text);
}
