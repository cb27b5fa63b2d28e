/** Servers in processes of their own: started, asked what they have used, ended. */
import { fork, spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** In the child: tells the port, and then what was used as often as it is asked. */
export function answerToParent(port) {
  process.send({ port });
  process.on('message', question => {
    if (question === 'usage') {
      const { user, system } = process.cpuUsage();
      process.send({ usage: { cpu: (user + system) / 1e6 } });
    } else if (question === 'memory') {
      // Twice, since what is weakly held goes with the second.
      for (let i = 0; i < 4; i++) globalThis.gc();
      setTimeout(() => {
        globalThis.gc();
        const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
        process.send({ usage: { heapUsed, external, arrayBuffers, rss } });
      }, 50);
    }
  });
  process.on('disconnect', () => process.exit());
}

const canPin =
  cpus().length > 1 &&
  spawnSync('taskset', ['-c', '0', process.execPath, '--version'], { stdio: 'ignore' }).status === 0;

/** Servers on the last core, the load on the first. */
export function start(file, { core, flags = [], env = {} } = {}) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, {
    execArgv: ['--expose-gc', ...flags],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  if (canPin)
    spawnSync('taskset', ['-a', '-p', '-c', String(core === 'load' ? 0 : cpus().length - 1), String(child.pid)], {
      stdio: 'ignore',
    });
  const waiting = [];
  const seen = [];
  child.on('message', message => {
    if (message.error) {
      console.error(message.error);
      process.exit(1);
    }
    const at = waiting.findIndex(({ name }) => name in message);
    if (at < 0) seen.push(message);
    else {
      const [{ name, resolve }] = waiting.splice(at, 1);
      resolve(message[name]);
    }
  });
  child.on('exit', code => {
    if (code) {
      console.error(`${file} ended with ${code}`);
      process.exit(1);
    }
  });
  return {
    pid: child.pid,
    /** The next message that has this field. */
    next(name) {
      const at = seen.findIndex(message => name in message);
      if (at >= 0) return Promise.resolve(seen.splice(at, 1)[0][name]);
      return new Promise(resolve => waiting.push({ name, resolve }));
    },
    ask(question, name) {
      child.send(question);
      return this.next(name);
    },
    stop() {
      return new Promise(resolve => {
        child.once('exit', resolve);
        child.disconnect();
      });
    },
  };
}
