#!/usr/bin/env node
import { Command } from 'commander';
import { demoCommand } from './demo.js';
import { pipeCommand } from './pipe.js';

const program = new Command('eddy')
  .description('Recurrent networks on live streams: a frame arrives, h(t) moves, a prediction leaves.')
  .addCommand(pipeCommand())
  .addCommand(demoCommand());

await program.parseAsync();
