/** What was set: variables, configuration file, addresses, plugins, the devnet of the home folder, ports, Redis. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ports } from '@aitbc/protocol';
import { nearestWord } from '../../command/nearest-word.ts';
import { isAlive, readDevnetFile } from '../../devnet/devnet-file.ts';
import { type Check, type Finding, fail, ok, roles, skipped, warn } from '../check.ts';
import { knownVariables } from '../known-variables.ts';
import { placeOf } from '../reachable.ts';
import { isReadable } from './machine.ts';

const configFile: Check = {
  id: 'config-file',
  title: 'configuration file',
  roles,
  run({ context }) {
    const { file, fault, values } = context.configured.config;
    if (!existsSync(file)) return ok('there is none, and none is needed', { file });
    if (!fault) return ok(`${file}: ${Object.keys(values).join(', ') || 'empty'}`, { file });
    const { key, nearest } = fault.facts;
    const fix =
      fault.code === 'CONFIG_UNKNOWN_KEY'
        ? `aitbc config unset ${key}, and if you meant it: aitbc config set ${nearest} <value>`
        : `Correct it in an editor: ${file}`;
    return fail(fault.message.replace(/\.$/, ''), fix, { file, code: fault.code });
  },
};

const variables: Check = {
  id: 'variables',
  title: 'AITBC_ variables',
  roles,
  run({ context }) {
    const { env } = context.configured;
    const set = Object.keys(env).filter((name) => name.startsWith('AITBC_') && env[name] !== '');
    const unknown = set.filter((name) => !knownVariables.has(name));
    if (unknown.length === 0) return ok(`${set.length} are set and all are known`, { set });
    const name = unknown[0] as string;
    const nearest = nearestWord(name, [...knownVariables]);
    const meant = nearest === undefined ? '' : `, and if you meant it: export ${nearest}=…`;
    const facts = { unknown };
    return warn(`nothing reads ${unknown.join(', ')}`, `unset ${name}${meant}`, facts);
  },
};

const addressNames = ['node', 'wallet', 'coordinator', 'gateway', 'provider'] as const;

const addresses: Check = {
  id: 'addresses',
  title: 'addresses of daemons',
  roles,
  run({ context: { urls } }) {
    const bad = addressNames.filter((name) => {
      const url = urls[name];
      return !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol);
    });
    if (bad.length === 0) return ok('all of them can be used', { ...urls });
    const name = bad[0] as (typeof addressNames)[number];
    const fix = `Write it with http:// in front: AITBC_${name.toUpperCase()}_URL=http://127.0.0.1:${ports[name]}`;
    return fail(`"${urls[name]}" is no address of the ${name}`, fix, { bad });
  },
};

const openaiUrl: Check = {
  id: 'openai-url',
  title: 'OPENAI_BASE_URL',
  roles: ['agent'],
  run({ context: { env, urls } }) {
    const given = env.OPENAI_BASE_URL;
    const wanted = `${urls.gateway}/v1`;
    const fix = `export OPENAI_BASE_URL=${wanted}`;
    if (!given) return ok(`not set; programs pay through the gateway after: ${fix}`);
    if (isSamePlace(given, wanted)) return ok('programs pay through the gateway', { given });
    return warn(`it points to ${given}, not to the gateway`, fix, { given, wanted });
  },
};

/** Loopback has two names; a last slash means nothing. */
function isSamePlace(left: string, right: string): boolean {
  const plain = (url: string) => url.replace(/\/+$/, '').replace('//localhost:', '//127.0.0.1:');
  return plain(left) === plain(right);
}

const plugins: Check = {
  id: 'plugins',
  title: 'plugins',
  roles,
  async run({ context: { pluginPlaces } }) {
    const { named } = pluginPlaces;
    if (named !== undefined && !existsSync(named)) {
      return fail(`the plugin folder ${named} is not there`, 'Correct AITBC_PLUGIN_DIR', { named });
    }
    const { listPlugins } = await import('../../plugin/list-plugins.ts');
    const installed = await listPlugins(pluginPlaces);
    const broken = installed.flatMap((plugin) => plugin.broken);
    const [first] = broken;
    if (!first) return ok(`${installed.length} are there and all can be used`);
    const fix =
      'Correct or remove the file (aitbc plugin list); the other commands go on without it.';
    return warn(`${first.file} was skipped: ${first.reason}`, fix, { broken });
  },
};

const devnet: Check = {
  id: 'devnet',
  title: 'devnet of the home folder',
  roles,
  run({ context: { home } }) {
    if (!isReadable(home)) return ok('none was started here');
    const { record, fault } = recordOf(home);
    if (fault !== undefined) return fault;
    if (!record) return ok('none was started here');
    const facts = { pid: record.pid };
    if (!isAlive(record.pid)) {
      return warn(
        'it ended without cleaning up (a crash, or the machine went down)',
        'aitbc up starts it again and goes on where it was',
        facts,
      );
    }
    const dead = Object.entries(record.pids).filter(([, pid]) => !isAlive(pid));
    if (dead.length === 0) return ok(`it runs (process ${record.pid})`, facts);
    const names = dead.map(([name]) => name);
    const fix = `See the end of ${join(home, 'logs')}, then: aitbc down && aitbc up`;
    return fail(`a part of it is dead: ${names.join(', ')}`, fix, { ...facts, dead: names });
  },
};

function recordOf(home: string) {
  try {
    return { record: readDevnetFile(home), fault: undefined };
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is cut off' : (error as Error).message;
    const fix = `Remove it: rm ${join(home, 'devnet.json')}`;
    return { record: undefined, fault: fail(`devnet.json cannot be read: ${reason}`, fix) };
  }
}

const loopback = '127.0.0.1';

const freePorts: Check = {
  id: 'ports',
  title: 'standard ports',
  roles,
  async run({ context, machine }): Promise<Finding> {
    if (context.devnet) return skipped('a devnet of this home runs');
    const wanted = [...addressNames.map((name) => [name, ports[name]] as const)];
    const taken: string[] = [];
    for (const [name, port] of wanted) {
      if (!(await machine.isPortFree(loopback, port))) taken.push(`${port} (${name})`);
    }
    if (taken.length === 0) return ok('free for a devnet or your own daemons');
    const fix = 'That is right if they are your daemons. Else: aitbc up --ports free';
    return warn(`taken: ${taken.join(', ')}`, fix, { taken });
  },
};

const redis: Check = {
  id: 'redis',
  title: 'Redis',
  roles: ['operator'],
  async run({ context: { env }, machine }) {
    const set = Object.entries(env).filter(([, value]) => /^rediss?:\/\//.test(value ?? ''));
    const [name, url] = set.find(([key]) => key.startsWith('AITBC_')) ?? [];
    const place = url === undefined ? undefined : placeOf(url);
    if (name === undefined || !place) return ok('none is set, and none is needed');
    const at = `${place.host}:${place.port}`;
    if (await machine.isListening(place.host, place.port)) return ok(`${at} takes connections`);
    const fix = `Start it (redis-server), or remove ${name}: a coordinator alone needs none`;
    return fail(`nothing listens at ${at}, which ${name} names`, fix, { name, at });
  },
};

/** Checks of settings. */
export const settingChecks: readonly Check[] = [
  configFile,
  variables,
  addresses,
  openaiUrl,
  plugins,
  devnet,
  freePorts,
  redis,
];
