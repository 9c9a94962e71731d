import { marked } from 'marked';

/** Markdown of ours as a page that stands alone: no script, no foreign host; `live`: it is asked for again every ten seconds. What it was made of is defused already (markdown.ts). */
export function page(title: string, markdown: string, { live }: { readonly live: boolean }): string {
  const body = marked.parse(markdown, { async: false, gfm: true });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${live ? '<meta http-equiv="refresh" content="10">' : ''}<title>${title}</title>
<style>
:root{color-scheme:light dark;font:15px/1.55 system-ui,sans-serif}
body{max-width:52rem;margin:2.5rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.8rem 0}
details{margin:.8rem 0}
th,td{border:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.35rem .6rem;text-align:left;vertical-align:top}
code{font:13px ui-monospace,monospace;background:color-mix(in srgb,currentColor 8%,transparent);padding:.1em .3em;border-radius:4px}
summary{cursor:pointer;font-weight:600}
</style></head><body>${body}</body></html>
`;
}
