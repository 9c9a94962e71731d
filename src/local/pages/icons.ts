import { Html } from './html.ts';

/** Drawn for these pages, 16 units wide, in the colour of the text around them. */
const DRAWINGS = {
  issue: '<circle cx="8" cy="8" r="6.2"/><circle cx="8" cy="8" r="1.4" class="full"/>',
  closed: '<circle cx="8" cy="8" r="6.2"/><path d="M5.2 8.2l2 2 3.6-4"/>',
  skipped: '<circle cx="8" cy="8" r="6.2"/><path d="M5 11l6-6"/>',
  pull: '<circle cx="4" cy="3.6" r="1.7"/><circle cx="4" cy="12.4" r="1.7"/><circle cx="12" cy="12.4" r="1.7"/><path d="M4 5.3v5.4M12 10.7V6.2a2 2 0 0 0-2-2H7.5M9.3 2.2l-2 2 2 2"/>',
  draft:
    '<circle cx="4" cy="3.6" r="1.7"/><circle cx="4" cy="12.4" r="1.7"/><circle cx="12" cy="12.4" r="1.7"/><path d="M4 5.3v5.4M12 9.4v-.3M12 6.4v-.3M12 3.4v-.3"/>',
  merge:
    '<circle cx="4" cy="3.4" r="1.7"/><circle cx="4" cy="12.6" r="1.7"/><circle cx="12" cy="8" r="1.7"/><path d="M4 5.1v5.8M4.4 5.1C5 7 7 8 10.3 8"/>',
  commit: '<circle cx="8" cy="8" r="2.8"/><path d="M.8 8h4.4M10.8 8h4.4"/>',
  push: '<path d="M8 13V3.5M4.2 7.2L8 3.4l3.8 3.8"/>',
  eye: '<path d="M1 8c1.6-2.8 4-4.3 7-4.3s5.4 1.5 7 4.3c-1.6 2.8-4 4.3-7 4.3S2.6 10.8 1 8z"/><circle cx="8" cy="8" r="2"/>',
  tick: '<path d="M3 8.6l3.2 3.2L13 4.8" class="thick"/>',
  cross: '<path d="M4 4l8 8M12 4l-8 8" class="thick"/>',
  dot: '<circle cx="8" cy="8" r="4" class="full"/>',
  square: '<path d="M4.5 4.5h7v7h-7z" class="full"/>',
  alert: '<path d="M8 2L15 13.6H1z"/><path d="M8 6.4v3.4M8 11.6v.1"/>',
  comment: '<path d="M2 2.8h12v8H8l-3 2.9v-2.9H2z"/>',
  checks: '<path d="M2.5 3h11v10h-11z"/><path d="M5.2 8l2 2 3.6-4"/>',
  files: '<path d="M3.5 1.8h6l3 3v9.4h-9z"/><path d="M8 6v4M6 8h4M6 12h4"/>',
  repository: '<path d="M3.2 13.5V3.2c0-.8.6-1.4 1.4-1.4h8.2v10H4.6c-.8 0-1.4.7-1.4 1.6s.6 1 1.4 1h8.2v-2.6"/>',
  branch:
    '<circle cx="4" cy="3.6" r="1.7"/><circle cx="4" cy="12.4" r="1.7"/><circle cx="12" cy="4.6" r="1.7"/><path d="M4 5.3v5.4M12 6.3c0 2.4-3 2.2-5.4 2.4-1.4.1-2.4.8-2.6 2"/>',
  edit: '<path d="M10.6 2.8l2.6 2.6-7.6 7.6-3.3.7.7-3.3z"/>',
} as const;

export type IconName = keyof typeof DRAWINGS;

export function icon(name: IconName): Html {
  return new Html(`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${DRAWINGS[name]}</svg>`);
}
