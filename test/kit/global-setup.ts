/**
 * Before all tests: one PostgreSQL, and in it a migrated template database. DATABASE_URL_TEST names
 * a server to use instead of the embedded one; its user must be allowed to make databases and roles.
 */
import type { TestProject } from 'vitest/node';
import { migrate } from '../../server/kernel/migrate.ts';
import { onServer, startTestCluster, TEMPLATE_DATABASE, urlOfDatabase } from './embedded.ts';
import { exportServices } from './requires.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The superuser's URL; the template is TEMPLATE_DATABASE on the same server. */
    postgresUrl: string;
  }
}

let cleanUp: () => Promise<void> = async () => {};

export async function setup(project: TestProject): Promise<void> {
  exportServices();
  const given = process.env['DATABASE_URL_TEST'];
  const cluster = given ? null : await startTestCluster({ durable: true });
  const url = given ?? cluster?.url ?? '';
  cleanUp = async () => {
    await (cluster ? cluster.stop() : onServer(url, [dropTemplate]));
  };
  try {
    await buildTemplate(url);
  } catch (error) {
    await cleanUp();
    throw error;
  }
  project.provide('postgresUrl', url);
}

export async function teardown(): Promise<void> {
  await cleanUp();
}

const dropTemplate = `drop database if exists ${TEMPLATE_DATABASE} with (force)`;

async function buildTemplate(serverUrl: string): Promise<void> {
  await onServer(serverUrl, [dropTemplate, `create database ${TEMPLATE_DATABASE}`]);
  const said: string[] = [];
  try {
    await migrate({
      url: urlOfDatabase(serverUrl, TEMPLATE_DATABASE),
      say: (line: string) => said.push(line),
    });
  } catch (error) {
    throw new Error(`the template database was not made:\n${said.join('\n')}`, { cause: error });
  }
}
