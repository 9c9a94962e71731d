import { openOwnSecrets } from '../../src/secrets/own-secrets.ts';
import { openSecretGuard, type SecretGuard } from '../../src/secrets/secret-guard.ts';

/** A guard that knows these secrets, by name. */
export function guardOf(secrets: Readonly<Record<string, string>> = {}): SecretGuard {
  const own = openOwnSecrets();
  for (const [name, secret] of Object.entries(secrets)) own.add(name, secret);
  return openSecretGuard(own);
}

/** Put together here, so that no secret stands in this repository. */
export const GITHUB_TOKEN = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_');
export const AWS_KEY = ['wJalrXUtnFEMI', 'K7MDENG', 'bPxRfiCYzzzzzzzKEY'].join('/');
export const OWN = ['converge', 'live', 'Zk29&|<q/+x', 'secret'].join('-');
