import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { isLoopback } from '#http/loopback';
import { parseSettings } from '#wiring/settings';
import { settingNames } from '#wiring/settings-table';

// Only CI builds and runs the containers. These tests check the names that they use, and mistakes that would go unnoticed.

const root = join(import.meta.dirname, '..', '..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly network_mode?: string;
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly configs: { readonly gateway: { readonly content: string } };
}

const composeText = textOf('docker-compose.yml');
const { services, volumes, networks, configs } = parse(composeText, { merge: true }) as Compose;
/** Substitutes variables as Compose does: optional ones as unset, and required ones as set. */
const substitute = (text: string): string =>
  text
    .replace(/\$\{\w+:\?[^}]*\}/g, 'given-by-the-environment')
    .replace(/\$\{\w+:-([^}]*)\}/g, '$1')
    .replaceAll('$$', '$');
const apps = Object.entries(services).filter(([, service]) => service.build !== undefined);
const others = Object.entries(services).filter(([, service]) => service.build === undefined);
const appOf = (command: readonly string[] = []): string | undefined =>
  /^dist\/apps\/([^/]+)\/main\.js$/.exec(command[1]!)?.[1];
const known: ReadonlySet<string | undefined> = new Set(settingNames);

describe('docker-compose.yml', () => {
  test('docker-compose.yml runs the three apps that scale separately, the worker twice', () => {
    const names = apps.map(([, { command }]) => appOf(command));
    expect(names.toSorted()).toEqual(['command-api', 'query-api', 'worker', 'worker']);
    for (const app of names) expect(existsSync(join(root, 'apps', app!, 'main.ts'))).toBe(true);
  });

  test.each(apps)(
    'docker-compose.yml passes %s only known settings, with which it can start',
    (_, { environment = {} }) => {
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
      const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, substitute(value)]));
      const settings = parseSettings(env);
      expect(settings.port).toBe(Number(env['PORT']));
      expect([settings.eventStoreUrl, settings.readStoreUrl]).toEqual([
        expect.stringMatching(/^esdb:/),
        expect.stringMatching(/^mongodb:/),
      ]);
    },
  );

  test('docker-compose.yml reads only settings from the environment', () => {
    const variables = [...composeText.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name);
    expect(variables).toContain('ID_KEY');
    expect(variables.filter((name) => !known.has(name))).toEqual([]);
  });

  test('the URLs of the stores name every server that docker-compose.yml runs, at its address', () => {
    const [, { environment = {} }] = apps[0]!;
    const hosts = (url: string): string[] => /\/\/([^/?]+)/.exec(url)![1]!.split(',').toSorted();
    const mongodb = Object.keys(services).filter((name) => name.startsWith('mongodb'));
    expect(hosts(environment['READ_STORE_URL']!)).toEqual(mongodb.map((name) => `${name}:27017`));
    const nodes = Object.values(services).flatMap(
      (service) => service.environment?.['EVENTSTORE_NODE_HOST_ADVERTISE_AS'] ?? [],
    );
    expect(nodes).toHaveLength(3);
    expect(hosts(environment['EVENT_STORE_URL']!)).toEqual(nodes.map((address) => `${address}:2113`));
    for (const service of Object.values(services)) {
      const { environment: variables = {}, networks: joined } = service;
      const address = variables['EVENTSTORE_NODE_HOST_ADVERTISE_AS'];
      if (!address) continue;
      expect(joined).toEqual({ stores: { ipv4_address: address } });
      expect(variables['EVENTSTORE_REPLICATION_IP']).toBe(address);
      const seeds = nodes.filter((node) => node !== address).map((node) => `${node}:2113`);
      expect(variables['EVENTSTORE_GOSSIP_SEED']).toBe(seeds.join());
    }
  });

  test('docker-compose.yml pins the version of every image that it does not build', () => {
    expect(others.length).toBeGreaterThan(0);
    for (const [, { image }] of others) expect(image).toMatch(/^[a-z/]+:\d+\.\d+(-[a-z]+)?$/);
  });

  test('docker-compose.yml declares exactly the volumes that its services use', () => {
    const used = Object.values(services).flatMap((service) =>
      (service.volumes ?? []).map((volume) => volume.split(':')[0]),
    );
    expect(used.toSorted()).toEqual(Object.keys(volumes).toSorted());
  });

  test('services of docker-compose.yml depend only on services that exist', () => {
    for (const { depends_on = {} } of Object.values(services))
      for (const name of Object.keys(depends_on)) expect(Object.keys(services)).toContain(name);
  });

  test('only this machine can reach the gateway, and only the apps can reach the stores', () => {
    const published = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(published).toEqual(['127.0.0.1:3000:3000']);
    expect(networks['stores']).toMatchObject({ internal: true });
    for (const [, service] of apps) {
      expect(service.network_mode).toBe('service:gateway');
      expect(isLoopback(service.environment?.['HOST'] ?? '127.0.0.1')).toBe(true);
    }
    for (const [name, { networks: joined = [] }] of others)
      expect(Array.isArray(joined) ? joined : Object.keys(joined)).toEqual(
        name === 'gateway' ? ['front', 'stores'] : ['stores'],
      );
  });
});

describe('the gateway', () => {
  const config = substitute(configs.gateway.content);

  test('the gateway has an upstream for each app, with the port of the app', () => {
    const upstreams = [...config.matchAll(/upstream (\S+) \{ server 127\.0\.0\.1:(\d+);/g)].map(([, name, port]) => [
      name,
      port,
    ]);
    expect(upstreams).toEqual(apps.map(([name, { environment }]) => [name, environment!['PORT']]));
    expect(new Set(upstreams.map(([, port]) => port)).size).toBe(upstreams.length);
  });

  test('logs neither paths nor queries, which hold phone numbers and search words', () => {
    const [, format = ''] = /log_format without_personal_data '([^']*)'/.exec(config)!;
    expect(format).toContain('$status');
    expect(format).not.toMatch(/\$(request|request_uri|uri|args|query_string|document_uri|http_\w+|arg_\w+)\b/);
    expect([...config.matchAll(/access_log ([^;]+);/g)].map(([, value]) => value)).toEqual([
      '/dev/stdout without_personal_data',
    ]);
    expect([...config.matchAll(/error_log ([^;]+);/g)].map(([, value]) => value)).toEqual(['/dev/stderr emerg']);
  });

  test('passes the trailer of an export on', () => {
    expect(config).toMatch(/proxy_set_header Connection te;\s+proxy_set_header TE trailers;\s+proxy_pass_trailers on;/);
    // The directive exists since nginx 1.27.2.
    expect(services['gateway']!.image).toMatch(/^nginx:1\.(2[89]|[3-9]\d)/);
  });

  const routesOf = (app: string): string[] =>
    readdirSync(join(root, 'apps', app))
      .filter((file) => file.endsWith('.controller.ts'))
      .flatMap((file) => {
        const text = textOf(`apps/${app}/${file}`);
        const base = /@Controller\('([^']+)'\)/.exec(text)![1];
        return [...text.matchAll(/^\s*@(Get|Post|Patch|Put|Delete)\((?:'([^']*)')?\)/gm)].map(
          ([, method, path]) => `${method!.toUpperCase()} /${base}${path ? `/${path}` : ''}`,
        );
      });

  test('the gateway routes reads to query-api and everything else to command-api, including the reads that command-api serves', () => {
    expect(config).toContain('map $request_method $app { default command-api; GET query-api; HEAD query-api; }');
    expect(routesOf('query-api').filter((route) => !route.startsWith('GET '))).toEqual([]);
    const reads = routesOf('command-api').filter((route) => route.startsWith('GET '));
    expect(reads.length).toBeLessThan(routesOf('command-api').length);
    const routed = [...config.matchAll(/location = (\S+) \{ proxy_pass http:\/\/command-api; \}/g)].map(
      ([, path]) => `GET ${path}`,
    );
    expect(routed).toEqual(reads);
  });
});

const dockerfile = textOf('Dockerfile');

describe('the image', () => {
  test('the image copies only paths that exist and that .dockerignore does not exclude', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from]) => from!.split(' '));
    expect(copied).toEqual(expect.arrayContaining(['package.json', 'apps', 'libs', 'projections', 'scripts']));
    const [first, ...exceptions] = textOf('.dockerignore').trim().split('\n');
    expect(first).toBe('*');
    expect(exceptions.map((line) => line.slice(1)).toSorted()).toEqual([...new Set(copied)].toSorted());
    for (const path of copied) expect(existsSync(join(root, path))).toBe(true);
  });

  test('the image runs one of the apps, with production packages only, and not as root', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    expect(dockerfile).toMatch(/AS packages\n(?:(?!FROM)[\s\S])*RUN npm ci --omit=dev\n/);
    expect(last).toContain('COPY --from=packages /app/node_modules node_modules');
    expect(last).toMatch(/\nUSER node\n(?![\s\S]*\nUSER)/);
    const command = JSON.parse(/\nCMD (\[.*\])\s*$/.exec(last)![1]!) as string[];
    expect(existsSync(join(root, 'apps', appOf(command)!, 'main.ts'))).toBe(true);
  });

  test('the image has the same supported version of Node.js in every stage', () => {
    const majors = [...dockerfile.matchAll(/^FROM node:(\d+)-slim/gm)].map(([, major]) => Number(major));
    expect(majors).toHaveLength([...dockerfile.matchAll(/^FROM /gm)].length);
    expect(new Set(majors).size).toBe(1);
    const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
    expect(majors[0]).toBeGreaterThan(Number.parseInt(engines.node.replace('>=', ''), 10));
  });

  test('the image sets only known settings', () => {
    const [, env = ''] = /^ENV (.+)$/m.exec(dockerfile)!;
    const names = env.split(' ').map((pair) => pair.split('=')[0]!);
    expect(names.filter((name) => !known.has(name))).toEqual(['NODE_ENV']);
  });
});

describe('health checks of containers', () => {
  let server: Server;
  let requestedUrl: string | undefined;
  let status = 200;
  beforeAll(async () => {
    server = createServer(({ url }, response) => {
      requestedUrl = url;
      response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  const ofImage = JSON.parse(/HEALTHCHECK [\s\S]*?CMD (\[.*\])/.exec(dockerfile)![1]!) as string[];
  const checks: [string, string, readonly string[]][] = [
    ['the image', '/healthz', ofImage],
    ...apps.map(([name, { healthcheck }]): [string, string, readonly string[]] => [
      name,
      '/readyz',
      healthcheck.test.slice(1).map(substitute),
    ]),
  ];
  const codeOf = async (command: readonly string[], port: number): Promise<unknown> => {
    const child = spawn(process.execPath, command.slice(1), { env: { PORT: String(port) }, stdio: 'ignore' });
    return (await once(child, 'exit'))[0];
  };

  test.each(checks)('the health check of %s requests %s and reports its status', async (_, path, command) => {
    expect(command[0]).toBe('node');
    const { port } = server.address() as AddressInfo;
    status = 200;
    expect(await codeOf(command, port)).toBe(0);
    expect(requestedUrl).toBe(path);
    status = 503;
    expect(await codeOf(command, port)).toBe(1);
    // Nothing listens on port 1.
    expect(await codeOf(command, 1)).toBe(1);
  });
});
