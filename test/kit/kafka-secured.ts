/** What a broker needs to ask clients for TLS and a password, and to let few do anything. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STORE_PASSWORD = 'not-a-secret';

export type SecuredKafka = {
  /** The certificate that clients have to trust, a PEM file. */
  readonly caFile: string;
  readonly settings: Readonly<Record<string, string>>;
  /** For formatting the disk. */
  readonly format: readonly string[];
};

/** `owner` may do everything, `guest` nothing; their passwords are their names, backwards. */
export function securedKafka(): SecuredKafka {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-keys-'));
  const store = join(folder, 'broker.p12');
  const caFile = join(folder, 'ca.pem');
  const at = ['-alias', 'broker', '-keystore', store, '-storepass', STORE_PASSWORD];
  const keytool = (...args: readonly string[]) =>
    execFileSync('keytool', [...args], { stdio: 'pipe' });
  const names = ['-dname', 'CN=broker', '-ext', 'SAN=ip:127.0.0.1,dns:localhost'];
  keytool(
    '-genkeypair',
    '-keyalg',
    'EC',
    '-validity',
    '2',
    '-storetype',
    'PKCS12',
    ...at,
    ...names,
  );
  keytool('-exportcert', '-rfc', '-file', caFile, ...at);
  const login = 'org.apache.kafka.common.security';
  const scram = `${login}.scram.ScramLoginModule required;`;
  const own = 'username="owner" password="renwo"';
  const users = 'user_owner="renwo" user_guest="tseug"';
  const plain = `${login}.plain.PlainLoginModule required`;
  return {
    caFile,
    settings: {
      'ssl.keystore.location': store,
      'ssl.keystore.password': STORE_PASSWORD,
      'ssl.keystore.type': 'PKCS12',
      'ssl.truststore.location': store,
      'ssl.truststore.password': STORE_PASSWORD,
      'ssl.truststore.type': 'PKCS12',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.secured.plain.sasl.jaas.config': `${plain} ${own} ${users};`,
      'listener.name.secured.scram-sha-256.sasl.jaas.config': scram,
      'listener.name.secured.scram-sha-512.sasl.jaas.config': scram,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // The controller's own listener asks nobody who they are.
      'super.users': 'User:owner;User:ANONYMOUS',
    },
    format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=owner,password=renwo]`,
    ]),
  };
}
