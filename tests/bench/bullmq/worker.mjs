// Worker of the BullMQ peer: parse the body, do nothing with it, let BullMQ settle the job.

import { Redis } from "ioredis";
import { Worker } from "bullmq";
import { QUEUE, redisAddress, spread } from "./settings.mjs";

async function serve() {
  const connection = new Redis({ ...redisAddress, maxRetriesPerRequest: null });
  const worker = new Worker(QUEUE, async (job) => void JSON.parse(job.data.body), {
    connection,
    concurrency: 50,
  });
  worker.on("error", (error) => console.error(error));
  worker.on("failed", (_job, error) => console.error(error));
  await worker.waitUntilReady();
}

await spread(Number(process.env.PROCESSES ?? 1), serve);
