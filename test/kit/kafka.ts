/**
 * Real Apache Kafka brokers (KRaft) on free ports of loopback, in a temporary folder, run by the
 * machine's Java from the jars that tools/kafka/resolve.sh has fetched. They end with whoever
 * started them, by kill -9 too.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const JVM = ['-Xmx256m', '-Xms32m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const LOG_LEVEL = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
const START_MAX_MS = 90_000;
const LOOK_MS = 50;

/**
 * Seconds on a machine to itself. Where the library has lost its way, which it does when the cores
 * are busy, that is noticed after 45 s: once in a while this is part of what is tested.
 */
export const KAFKA_WITHIN_MS = 120_000;
/** Of a test, or of what is done before all of them. */
export const KAFKA_TEST_MAX_MS = 300_000;

export type TestKafka = {
  /** host:port of each broker, with commas, as KAFKA_BROKERS has it. */
  readonly brokers: string;
  /** As kill -9 does; what a broker has on disk stays. */
  readonly kill: (broker?: number) => Promise<void>;
  /** It neither answers nor goes away, as on a machine that hangs. */
  readonly freeze: (broker?: number) => void;
  readonly thaw: (broker?: number) => void;
  readonly start: (broker?: number) => Promise<void>;
  /** Runs one of Kafka's console programs; answers what it printed. */
  readonly run: (mainClass: string, args: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
};

export type TestKafkaOptions = {
  readonly brokers?: 1 | 3;
  /** Settings of a listener that asks clients who they are (kafka-secured.ts). */
  readonly secured?: Readonly<Record<string, string>>;
  /** Arguments for formatting the disk: users and their passwords. */
  readonly format?: readonly string[];
};

type Node = {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly folder: string;
  shell: ChildProcess | null;
  pid: number | null;
};

export async function startKafka(home: string, options: TestKafkaOptions = {}): Promise<TestKafka> {
  const classPath = join(home, 'libs', '*');
  const folder = mkdtempSync(join(tmpdir(), 'kafka-'));
  const count = options.brokers ?? 1;
  const ports = await freePorts(count * 2);
  const nodes = Array.from({ length: count }, (_, index): Node => {
    const at = join(folder, String(index + 1));
    mkdirSync(at);
    const [port = 0, controllerPort = 0] = ports.slice(index * 2);
    return { id: index + 1, port, controllerPort, folder: at, shell: null, pid: null };
  });
  for (const node of nodes) writeSettings(node, nodes, options);
  // Where it is not there, or not of this Java, classes are loaded from the jars.
  const archive = `-XX:SharedArchiveFile=${join(home, 'brokers.jsa')}`;
  const jvm = [...JVM, archive, LOG_LEVEL, '-cp', classPath];
  const java = (args: readonly string[]) =>
    promisify(execFile)('java', [...jvm, ...args], { maxBuffer: 64 * 1024 * 1024 });
  await formatDisks(nodes, options, java);

  const of = (broker: number) => {
    const node = nodes[broker - 1];
    if (!node) throw new Error(`there is no broker ${broker}`);
    return node;
  };
  const kill = async (broker = 1) => {
    const node = of(broker);
    if (node.pid === null) return;
    process.kill(node.pid, 'SIGKILL');
    const { shell } = node;
    node.pid = null;
    node.shell = null;
    const ended = new Promise((resolve) => shell?.once('exit', resolve));
    shell?.stdin?.end();
    await ended;
  };
  const start = async (broker = 1) => {
    const node = of(broker);
    await spawnBroker(node, [...jvm, 'kafka.Kafka', settingsOf(node)]);
    await untilItListens(node);
  };
  const close = async () => {
    await Promise.all(nodes.map(({ id }) => kill(id)));
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  try {
    await Promise.all(nodes.map(({ id }) => start(id)));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    brokers: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','),
    kill,
    freeze: (broker = 1) => void process.kill(of(broker).pid ?? 0, 'SIGSTOP'),
    thaw: (broker = 1) => void process.kill(of(broker).pid ?? 0, 'SIGCONT'),
    start,
    run: async (mainClass, args) => (await java([mainClass, ...args])).stdout,
    close,
  };
}

/** 16 bytes as Kafka writes them; the first one is 0, so that none begins with a dash. */
const newId = () => Buffer.concat([Buffer.alloc(1), randomBytes(15)]).toString('base64url');

const settingsOf = (node: Node) => join(node.folder, 'server.properties');
const dataOf = (node: Node) => join(node.folder, 'data');

/** Everything a cluster needs to be itself with little memory, and to notice a death soon. */
function writeSettings(node: Node, nodes: readonly Node[], options: TestKafkaOptions): void {
  const copies = nodes.length;
  const clients = options.secured ? 'SECURED' : 'PLAINTEXT';
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes
      .map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`)
      .join(','),
    listeners: `${clients}://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'advertised.listeners': `${clients}://127.0.0.1:${node.port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL',
    'inter.broker.listener.name': clients,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataOf(node),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': copies === 1 ? 1 : 2,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'replica.lag.time.max.ms': 3_000,
    'controller.quorum.election.timeout.ms': 500,
    'controller.quorum.fetch.timeout.ms': 1_000,
    'log.cleaner.enable': false,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'background.threads': 1,
    ...options.secured,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(settingsOf(node), lines.join(''));
}

/** One disk is formatted and copied: a Java for each takes longer than the copies. */
async function formatDisks(
  nodes: readonly Node[],
  options: TestKafkaOptions,
  java: (args: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const [first, ...others] = nodes;
  if (!first) return;
  const cluster = newId();
  const format = ['format', '-t', cluster, '-c', settingsOf(first), ...(options.format ?? [])];
  await java(['kafka.tools.StorageTool', ...format]);
  for (const node of others) {
    cpSync(dataOf(first), dataOf(node), { recursive: true });
    const path = join(dataOf(node), 'meta.properties');
    const text = readFileSync(path, 'utf8')
      .replace(/node\.id=.*/, `node.id=${node.id}`)
      .replace(/directory\.id=.*/, `directory.id=${newId()}`);
    writeFileSync(path, text);
  }
}

/** A shell stands between: its input ends when this process does, however, and then it kills. */
async function spawnBroker(node: Node, args: readonly string[]): Promise<void> {
  const script = `
    log="$1"; shift
    exec 3<&0
    java "$@" > "$log" 2>&1 < /dev/null 3<&- &
    echo $!
    cat <&3 > /dev/null
    kill -9 $! 2> /dev/null
    wait`;
  const log = join(node.folder, 'log');
  const shell = spawn('sh', ['-c', script, 'sh', log, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  node.shell = shell;
  for await (const line of createInterface({ input: shell.stdout })) {
    node.pid = Number(line);
    return;
  }
  throw new Error('the shell of a broker ended before it began');
}

/** Its log is the whole story where it does not come up. */
async function untilItListens(node: Node): Promise<void> {
  const until = Date.now() + START_MAX_MS;
  while (!(await answers(node.port))) {
    const isGone = node.pid === null || !isAlive(node.pid);
    if (isGone || Date.now() > until) {
      throw new Error(`a broker did not start:\n${readFileSync(join(node.folder, 'log'), 'utf8')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ host: '127.0.0.1', port });
    probe.once('error', () => resolve(false));
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
  });
}

/** Held until all are found, so that no port is found twice. */
async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = holders.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  });
  await Promise.all(holders.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
