import { failed, firstChange, passed, pathBefore } from '../gate.ts';
import type { Gate } from '../gate.ts';
import { protection } from '../ownership.ts';

const NAME = 'protected-paths';

/** Protected paths change only when the approved plan names them one by one (invariant 5). */
export const protectedPaths: Gate = async ({ plan, diff }) => {
  const touched = diff.flatMap((file) => {
    const paths = [...new Set([file.path, pathBefore(file) ?? file.path])];
    return paths.flatMap((path) => {
      const glob = protection(plan, path);
      if (glob === null) return [];
      const claim = `${path} is protected (${glob}) and the approved plan does not name it. Put it back as it was.`;
      return [{ path, ...firstChange(file), claim }];
    });
  });
  return touched.length === 0
    ? passed(NAME, 'no protected path changed')
    : failed(NAME, `protected: ${touched.map((objection) => objection.path).join(', ')}`, touched);
};
