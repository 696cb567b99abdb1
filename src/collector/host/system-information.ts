// The thread that asks `systeminformation`: it waits for programs with `execSync` and replaces methods of strings, neither
// of which may happen in the collector's own thread.
import { parentPort } from 'node:worker_threads';
import { fsSize, mem, networkStats } from 'systeminformation';
import type { Answers, Question } from './host-facts.ts';

async function answer({ disks, memory, interfaces }: Question): Promise<Answers> {
  const [diskAnswers, memoryAnswer, networkAnswers] = await Promise.all([
    disks ? known(fsSize()) : null,
    memory ? known(mem()) : null,
    interfaces.length > 0 ? known(networkStats(interfaces.join(','))) : null,
  ]);
  return {
    disks: diskAnswers?.map(({ mount, size, rw }) => ({ mount, size, rw })) ?? null,
    memory: memoryAnswer && { total: memoryAnswer.total, available: memoryAnswer.available },
    network: networkAnswers?.map(({ rx_sec, tx_sec }) => ({ rx_sec, tx_sec })) ?? null,
  };
}

function known<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch(() => null);
}

parentPort?.on('message', (question: Question) => {
  void answer(question).then((answers) => parentPort?.postMessage(answers));
});
