const EXPECTED = 24;

/** Every entry asks first: an older Node fails later with errors that say nothing. Ends the process. */
export function requireNode(): void {
  const [major = '0'] = process.versions.node.split('.');
  if (Number(major) >= EXPECTED) return;
  console.error(
    `Found Node ${process.versions.node}, expected ${EXPECTED} or newer. Run this through npm (\`npm start\`, \`npm run demo\`), which puts the Node of the lock file first, after \`npm ci\`.`,
  );
  process.exit(1);
}
