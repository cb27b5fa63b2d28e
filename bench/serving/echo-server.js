// The peer: a bare `ws` server that sends back what it is sent.
import { WebSocketServer } from 'ws';
import { answerToParent } from './child.js';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', socket => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => {});
});
server.on('listening', () => answerToParent(server.address().port));
