import { migrateSource } from './source/migrate.ts';
import type { MigrateOptions } from './source/migrate.ts';

/** A Markdown document that shows how tests are written: its examples migrated, and the library's name replaced where tests are said to be written with it. */
export function migrateDocument(text: string, options: MigrateOptions): string {
  const { library } = options;
  const examples = text.replaceAll(/^(```(?:js|javascript|mjs)\n)([^]*?)^```/gm, (_whole, fence: string, code: string) => {
    // An example stands where its imports would lead to the library, not where the document stands.
    const specifier = new RegExp(`from '([^']*${library.path.replaceAll('.', '\\.')})'`).exec(code)?.[1];
    const depth = specifier?.split('../').length ?? 1;
    const path = `${Array.from({ length: depth - 1 }, (_, at) => `d${at}`).join('/')}/example.js`.replace(/^\//, '');
    return `${fence}${migrateSource(code, { ...options, path })?.text ?? code}\`\`\``;
  });
  return examples.replaceAll(`\`${library.path}\``, '`node:test` and `node:assert/strict`');
}
