import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { z } from 'zod';

const Profile = z.strictObject({
  defaultAction: z.literal('SCMP_ACT_ERRNO'),
  defaultErrnoRet: z.literal(1),
  archMap: z.array(z.unknown()),
  syscalls: z.array(
    z.looseObject({ names: z.array(z.string()), action: z.string(), includes: z.unknown().optional(), args: z.unknown().optional() }),
  ),
});

const raw: unknown = JSON.parse(readFileSync('.docker/seccomp.json', 'utf8'));
const profile = Profile.parse(raw);

/** github.com/moby/profiles, seccomp/default.json of 3c28324314729dbade8287e868eef6338c42807a (Apache-2.0), without white space. */
const MOBY = 'afb4934b023cfceaaec1a9d752ca3f801aaa96eb2e59abe6e7ea16976948e080';

test("the container's profile is moby's default and one rule", () => {
  const own = profile.syscalls.at(-1);
  const { syscalls, ...others } = z.looseObject({ syscalls: z.array(z.unknown()) }).parse(raw);
  const text = JSON.stringify({ ...others, syscalls: syscalls.slice(0, -1) });
  expect(createHash('sha256').update(text).digest('hex')).toBe(MOBY);
  expect(own).toEqual({
    comment: expect.any(String),
    names: ['clone', 'unshare', 'mount', 'umount', 'umount2', 'pivot_root', 'sethostname', 'setns'],
    action: 'SCMP_ACT_ALLOW',
  });
});

/**
 * Calls of `strace -f bwrap` with the real arguments and `node` inside, as a user without rights (bubblewrap 0.8.0, Linux 6.18). Left out: `socket` and `arch_prctl`, which the
 * profile allows on conditions, and `clone3` and `io_uring_*`, which it refuses and without which glibc and Node go on.
 */
const BUBBLEWRAP = `
  access bind brk capget capset chdir clock_nanosleep clone close creat dup2 epoll_create1 epoll_ctl epoll_pwait eventfd2
  execve exit exit_group faccessat2 fchdir fcntl fstat futex getcwd getdents64 getegid geteuid getgid getpid getppid
  getrandom gettid getuid ioctl madvise mkdir mmap mount mprotect munmap newfstatat openat pipe2 pivot_root poll prctl
  pread64 prlimit64 read readlink recvfrom rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sendto
  set_robust_list set_tid_address sethostname setsid signalfd4 statfs symlink sysinfo umask umount2 uname unshare vfork
  wait4 write
`
  .trim()
  .split(/\s+/u);

test('the profile lets through what bubblewrap was seen to call, and keeps what would reach the kernel deeper', () => {
  const free = new Set(
    profile.syscalls
      .filter(({ action, includes, args }) => action === 'SCMP_ACT_ALLOW' && includes === undefined && args === undefined)
      .flatMap(({ names }) => names),
  );
  expect(BUBBLEWRAP.filter((name) => !free.has(name))).toEqual([]);
  for (const name of ['bpf', 'keyctl', 'add_key', 'io_uring_setup', 'kexec_load', 'init_module', 'open_by_handle_at', 'clone3'])
    expect(free.has(name)).toBe(false);
});

test('the compose file gives what the sandbox needs and takes all else', () => {
  const { services } = z
    .object({ services: z.object({ converge: z.looseObject({ security_opt: z.array(z.string()), cap_drop: z.array(z.string()) }) }) })
    .parse(parse(readFileSync('.docker/compose.yml', 'utf8')));
  expect(services.converge).toMatchObject({
    user: '1000:1000',
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true', 'seccomp=seccomp.json', 'systempaths=unconfined'],
    mem_limit: '8g',
    pids_limit: 4096,
  });
  expect(services.converge).not.toHaveProperty('cap_add');
  expect(services.converge).not.toHaveProperty('privileged');
  // What converge.env says of these would leave the published port, the volume and the health check.
  expect(services.converge).toMatchObject({ environment: { HOST: '0.0.0.0', PORT: '3000', DATA_DIR: '/data' } });
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  expect(dockerfile).toMatch(/^USER node$/mu);
});

test('App and worker start with the same flags of Node, in the image too', () => {
  const { scripts } = z
    .object({ scripts: z.object({ start: z.string(), worker: z.string() }) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8')));
  const flags = (command: string): readonly string[] => command.match(/--max-[\w=-]+/gu) ?? [];
  expect(flags(scripts.start)).toEqual(['--max-semi-space-size=16']);
  expect(flags(scripts.worker)).toEqual(flags(scripts.start));
  expect(flags(/^CMD (.*)$/mu.exec(readFileSync('Dockerfile', 'utf8'))?.[1] ?? '')).toEqual(flags(scripts.start));
});
