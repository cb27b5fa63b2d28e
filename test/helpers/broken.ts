/** Servers, clients and networks that do something wrong: a proof that cannot see it proves nothing. */
import type { Meddle } from './network.js';

export const broken: Record<string, Meddle> = {
  'a server that steps a frame that comes again': (message, hub) => {
    if (message.type !== 'frames') return message;
    const session = [...hub.register.all()].find(({ nextSeq }) => nextSeq > message.firstSeq);
    return session === undefined ? message : { ...message, firstSeq: session.nextSeq };
  },
  'a server that loses h(t) when a client comes back': (message, hub) => {
    if (message.type === 'open' && message.resume) for (const session of hub.register.all()) session.carry.fill(0);
    return message;
  },
  'a server that loses the answers that had not arrived': (message, hub) => {
    if (message.type !== 'open' || !message.resume) return message;
    for (const { kept } of hub.register.all()) if (kept) kept.messages.length = 0;
    return message;
  },
  'a server that tells again what was told beside answers': (message, hub) => {
    if (message.type !== 'open' || !message.resume) return message;
    for (const session of hub.register.all()) if (session.kept) session.kept.beside += 1;
    return message;
  },
  'a client that says it has received more than it has': message =>
    message.type === 'open' && message.resume
      ? { ...message, resume: { ...message.resume, receivedSeq: message.resume.receivedSeq + 1 } }
      : message,
  'an open that opens a second session when it is sent again': message =>
    message.type === 'open' && message.resume ? { ...message, resume: undefined, nonce: '' } : message,
};
