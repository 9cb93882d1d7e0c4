import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { type Cluster, startClusterServer } from '../../src/engine/cluster-server';
import type { NamedArrays } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { freePort } from '../../src/training/cluster/addresses';
import { drawnInputs, tinyTraining } from '../support/captured';
import { listeningAddresses } from '../support/listening';
import { relativeDistance } from '../support/parity';

beforeAll(async () => {
  await startRuntime({ inCluster: true });
});

/** As many servers as there would be processes, all of them here: what they send each other goes over the loopback interface. */
async function serversHere(count: number): Promise<Cluster> {
  const ports = await Promise.all(Array.from({ length: count }, () => freePort('127.0.0.1', 0, 0)));
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const servers = addresses.map((_, rank) => startClusterServer(addresses, rank, '127.0.0.1'));
  expect(listeningAddresses(ports)).toEqual(ports.map(() => '127.0.0.1'));
  const [first] = servers;
  if (first === undefined) throw new Error('there is no server');
  return first;
}

const once = { learningRate: 1e-3, gradientScale: 1, apply: true };

describe('a program on the servers of several processes', () => {
  it.each([
    [2, 0],
    [2, 0.3],
    [4, 0.3],
  ] as const)('computes what one process does, on %i, with a dropout of %d', async (processes, dropout) => {
    const { definition, weights } = tinyTraining({ dropout, adam: { weightDecay: 1e-3, clipNorm: 0.5 } });
    const cluster = await serversHere(processes);
    const alone = new CapturedProgram(definition, weights);
    const together = new CapturedProgram(definition, weights, 'float32', cluster.devices, cluster.target);
    for (const [step, update] of [once, { ...once, gradientScale: 0.5, apply: false }, { ...once, gradientScale: 0.5 }].entries()) {
      const inputs = (devices: number): NamedArrays => drawnInputs({ size: 5, step, lengths: (clip) => 2 + ((clip * 3) % 5), devices });
      expect(inputs(processes)).toHaveProperty('packed_positions');
      const [ours, theirs] = [together.trainStep(inputs(processes), update), alone.trainStep(inputs(1), update)];
      expect(Math.abs(ours.loss - theirs.loss)).toBeLessThan(1e-5);
      expect(relativeDistance(ours.outputs['gloss_logits']?.values ?? [], theirs.outputs['gloss_logits']?.values ?? [])).toBeLessThan(1e-5);
    }
    const [ours, theirs] = [together.readParameters(), alone.readParameters()];
    for (const [name, values] of theirs)
      if (!name.endsWith('W_k.bias')) expect(relativeDistance(ours.get(name) ?? [], values)).toBeLessThan(1e-5);
    together.dispose();
    alone.dispose();
  });
});
