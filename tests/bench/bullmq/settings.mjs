// What the receiver and the worker of the BullMQ peer share: where Redis is and how a job is kept.

export const QUEUE = "webhooks";

export const redisAddress = {
  host: process.env.REDIS_HOST,
  port: Number(process.env.REDIS_PORT),
};

export const jobOptions = {
  attempts: 3,
  backoff: { type: "exponential", delay: 5000 },
  removeOnComplete: true, // the cheapest choice in time and memory: the peer's best figure
  removeOnFail: 5000,
};

export const DEDUP_SECONDS = 86400;

// Runs `serve` in this process, or in as many processes as asked for.
export async function spread(processes, serve) {
  const { default: cluster } = await import("node:cluster");
  if (processes === 1 || cluster.isWorker) return serve();
  for (let n = 0; n < processes; n += 1) cluster.fork();
}
