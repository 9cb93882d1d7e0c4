/** A thread that reads and checks clips, and answers some of them at a time: their values stay here. */
import { parentPort, workerData } from 'node:worker_threads';
import { mapConcurrently, Turns } from '../file-reading';
import { CLIPS_A_REPLY, READS_AT_ONCE, type ExamineReply, type ExamineTask } from './examine-clips';
import { examineClip, type ExaminedClip } from './examined-clip';

async function answer(port: NonNullable<typeof parentPort>, { clips, format }: ExamineTask): Promise<void> {
  const send = (reply: ExamineReply): void => {
    port.postMessage(reply);
  };
  let waiting: [number, ExaminedClip][] = [];
  const turns = new Turns();
  try {
    await mapConcurrently(clips, READS_AT_ONCE, async ([place, file]) => {
      const clip = await examineClip(file, format, turns); // Before `waiting` is looked at: it is another list by then.
      waiting.push([place, clip]);
      if (waiting.length < CLIPS_A_REPLY) return;
      send({ examined: waiting });
      waiting = [];
    });
    send({ examined: waiting });
  } catch (thrown) {
    send({ error: thrown instanceof Error ? thrown : new Error(String(thrown)) });
  }
}

if (parentPort) void answer(parentPort, workerData as ExamineTask);
