// The load, in a process of its own: raw sockets, so that it takes less of its core than any server of theirs. Told what to
// do by messages of the process that made it.
import { connect } from 'node:net';
import { encodeClient } from '../../dist/src/wire/messages.js';
import { frameWriter, takeVarint, wrap } from './frames.js';

/** All that is read passes through here, one socket after the other. */
const shared = Buffer.allocUnsafe(1 << 18);

/**
 * One WebSocket, one session. `onAnswers(count)` is called for answers as they come; in a dialogue with eddy they must have
 * the number that is due, each once.
 *
 * @param peer 'echo' or 'eddy'
 */
function dial({ port, peer, rows, resumable, open }) {
  const writer = frameWriter(rows);
  let rest;
  let upgraded = false;
  let received = 0;
  let sent = 0;
  const cursor = { at: 0 };
  const opening = wrap(encodeClient({ type: 'open', session: 1, resumable, ...open }, 'eddy.v1.proto'));
  const finish = wrap(encodeClient({ type: 'finish', session: 1 }, 'eddy.v1.proto'));
  const one = {
    onAnswers: () => {},
    onOpened: () => {},
    get sent() {
      return sent;
    },
    get received() {
      return received;
    },
    /** Sends `count` messages in one write. */
    send(count) {
      const target = Buffer.allocUnsafe(count * writer.most);
      let end = 0;
      for (let i = 0; i < count; i++) {
        end = writer.put(target, end, sent + 1, resumable ? received : 0);
        sent += rows;
      }
      socket.write(target.subarray(0, end));
    },
    finish: () => socket.destroy(),
    /** Numbers begin anew: the session has just been opened. */
    restart() {
      sent = received = pending = 0;
    },
    /** Finishes the session and opens another; resolves when that is open. */
    end() {
      return new Promise(resolve => {
        one.onOpened = resolve;
        one.onFinished = () => socket.write(opening);
        socket.write(finish);
      });
    },
    closed: false,
  };
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: shared,
      callback(size, buffer) {
        read(size, buffer);
        return true;
      },
    },
  });
  socket.on('error', error => one.onError?.(error));
  socket.on('close', () => {
    one.closed = true;
    one.onError?.(new Error('closed by the server'));
  });
  socket.write(
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: eddy.v1.proto\r\n\r\n',
  );

  function read(size, buffer) {
    let bytes = buffer;
    let length = size;
    if (rest !== undefined) {
      bytes = Buffer.concat([rest, buffer.subarray(0, size)]);
      length = bytes.length;
      rest = undefined;
    }
    let at = 0;
    if (!upgraded) {
      const end = bytes.subarray(0, length).indexOf('\r\n\r\n');
      if (end < 0) {
        rest = Buffer.from(bytes.subarray(0, length));
        return;
      }
      upgraded = true;
      at = end + 4;
      if (peer === 'eddy')
        socket.write(wrap(encodeClient({ type: 'open', session: 1, resumable, ...open }, 'eddy.v1.proto')));
      else one.onOpened();
    }
    let answers = 0;
    while (at + 2 <= length) {
      let payload = bytes[at + 1];
      let start = at + 2;
      if (payload === 126) {
        if (at + 4 > length) break;
        payload = bytes[at + 2] * 256 + bytes[at + 3];
        start = at + 4;
      } else if (payload === 127) {
        if (at + 10 > length) break;
        payload = bytes.readUInt32BE(at + 6);
        start = at + 10;
      }
      if (start + payload > length) break;
      const code = bytes[at] & 15;
      at = start + payload;
      if (code === 9) continue;
      if (code === 8) throw new Error(`closed: ${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, at)}`);
      answers += peer === 'eddy' ? answersIn(bytes, start, at) : rows;
    }
    if (at < length) rest = Buffer.from(bytes.subarray(at, length));
    received += answers;
    if (answers > 0) one.onAnswers(answers);
  }

  /** Entries of a message of predictions, whose numbers must be those that are due. */
  function answersIn(bytes, start, end) {
    cursor.at = start;
    if (bytes[start] !== 0x08) throw new Error('a message without a session');
    cursor.at++;
    takeVarint(bytes, cursor);
    const tag = bytes[cursor.at++];
    takeVarint(bytes, cursor);
    if (tag === 0x12) {
      one.onOpened();
      return 0;
    }
    if (tag === 0x52) {
      one.onFinished();
      return 0;
    }
    // Updated, Credit, Losses.
    if (tag === 0x22 || tag === 0x2a || tag === 0x5a) return 0;
    if (tag !== 0x1a) throw new Error(`an unexpected message: ${bytes.subarray(start, end).toString('latin1')}`);
    if (bytes[cursor.at++] !== 0x08) throw new Error('predictions without a number');
    const first = takeVarint(bytes, cursor);
    if (first !== pending + 1) throw new Error(`Expected the answer to frame ${pending + 1}, got ${first}`);
    let count = 0;
    while (cursor.at < end) {
      cursor.at++;
      const length = takeVarint(bytes, cursor);
      cursor.at += length;
      count++;
    }
    pending += count;
    return count;
  }
  let pending = 0;

  return one;
}

async function dialAll(count, settings) {
  const all = [];
  for (let from = 0; from < count; from += 64) {
    const some = Array.from({ length: Math.min(64, count - from) }, () => dial(settings));
    await Promise.all(
      some.map(
        one =>
          new Promise((resolve, reject) => {
            one.onOpened = resolve;
            one.onError = reject;
          }),
      ),
    );
    all.push(...some);
  }
  for (const one of all) one.onError = error => process.send({ error: error.message });
  return all;
}

const now = () => performance.now();
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/** Each connection keeps `window` messages under way; after `warm` milliseconds it is counted for `measure`. */
async function closedLoop({ connections, window, warm, measure, ...settings }) {
  const all = await dialAll(connections, settings);
  let answers = 0;
  for (const one of all) {
    let owed = 0;
    one.onAnswers = count => {
      answers += count;
      owed += count;
      const messages = Math.floor(owed / settings.rows);
      if (messages > 0) {
        owed -= messages * settings.rows;
        one.send(messages);
      }
    };
    one.send(window);
  }
  await wait(warm);
  process.send({ measuring: true });
  const cpu = process.cpuUsage();
  const [began, before] = [now(), answers];
  await wait(measure);
  const seconds = (now() - began) / 1000;
  const counted = answers - before;
  process.send({ measured: true });
  const { user, system } = process.cpuUsage(cpu);
  hangUp(all);
  return { answers: counted / seconds, busy: (user + system) / 1e6 / seconds };
}

/** Messages of a connection that may be under way: within the credit of a session. */
const mostUnderWay = 200;

/**
 * Frames at fixed moments, whatever comes back; the time of each from its moment, in milliseconds. One that finds too many under
 * way waits for an answer, and that time is part of its own.
 */
async function openLoop({ connections, rate, warm, measure, ...settings }) {
  const all = await dialAll(connections, settings);
  const total = Math.ceil(((warm + measure) * rate) / 1000);
  const latencies = new Float64Array(total);
  let arrived = 0;
  const dues = all.map(() => []);
  all.forEach((one, i) => {
    one.onAnswers = count => {
      const at = now();
      for (let k = 0; k < count; k++) latencies[arrived++] = at - dues[i].shift();
      send(i);
    };
  });
  function send(i) {
    const one = all[i];
    const underWay = one.sent - one.received;
    const count = Math.min(dues[i].length - underWay, mostUnderWay - underWay);
    if (count > 0) one.send(count);
  }
  const began = now();
  let next = 0;
  await new Promise(resolve => {
    const turn = () => {
      const at = now();
      for (; next < total; next++) {
        const due = began + (next * 1000) / rate;
        if (due > at) break;
        const i = next % all.length;
        dues[i].push(due);
        send(i);
      }
      if (arrived < total && now() - began < warm + measure + 2000) setImmediate(turn);
      else resolve();
    };
    turn();
  });
  hangUp(all);
  if (arrived < total) throw new Error(`Expected ${total} answers, got ${arrived}`);
  // In the order of arrival, which is near enough to tell the first ones.
  const counted = latencies.subarray(Math.floor((total * warm) / (warm + measure))).sort();
  const quantile = q => counted[Math.min(counted.length - 1, Math.floor(q * counted.length))];
  return { p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999) };
}

/** Connections that do nothing, until they are told to go. */
let idle = [];
/** What sends to them, and the messages that they have learned since. */
let pace;
let learned = { began: 0, messages: 0 };

function hangUp(all) {
  for (const one of all) {
    one.onError = undefined;
    one.finish();
  }
}

const commands = {
  closedLoop,
  openLoop,
  async hold({ connections, ...settings }) {
    idle = await dialAll(connections, settings);
    return {};
  },
  async release() {
    clearInterval(pace);
    hangUp(idle);
    idle = [];
    return { rate: (1000 * learned.messages) / (now() - learned.began) };
  },
  /**
   * Sessions one after the other on each connection: opened, so many frames, each answered, finished. Ends where an answer is
   * lost, doubled or out of order.
   */
  async churn({ connections, sessions, frames, ...settings }) {
    const all = await dialAll(connections, { ...settings, resumable: false });
    let left = sessions;
    let answers = 0;
    await Promise.all(
      all.map(async one => {
        while (left-- > 0) {
          one.restart();
          for (let sent = 0; sent < frames; sent += settings.rows) {
            await new Promise(resolve => {
              let due = settings.rows;
              one.onAnswers = count => {
                due -= count;
                answers += count;
                if (due === 0) resolve();
              };
              one.send(1);
            });
          }
          await one.end();
        }
      }),
    );
    hangUp(all);
    return { answers };
  },
  /** Learners that learn as fast as they may, or get so many messages a second in all, until they are told to go. */
  async keepBusy({ connections, window, rate, ...settings }) {
    idle = await dialAll(connections, settings);
    const began = now();
    learned = { began, messages: 0 };
    for (const one of idle) {
      let owed = 0;
      one.onAnswers = count => {
        owed += count;
        const messages = Math.floor(owed / settings.rows);
        owed -= messages * settings.rows;
        learned.messages += messages;
        if (rate === undefined && messages > 0) one.send(messages);
      };
      if (rate === undefined) one.send(window);
    }
    if (rate === undefined) return {};
    let sent = 0;
    pace = setInterval(() => {
      const due = ((now() - began) * rate) / 1000;
      for (; sent < due; sent++) {
        const one = idle[sent % idle.length];
        if (one.sent - one.received < mostUnderWay) one.send(1);
      }
    }, 1);
    return {};
  },
};

process.on('message', ({ command, settings }) => {
  commands[command](settings).then(
    result => process.send({ result }),
    error => process.send({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit());
