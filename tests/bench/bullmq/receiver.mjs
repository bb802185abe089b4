// Receiver of the BullMQ peer: verify the signature on the raw bytes, deduplicate, queue, answer 200.

import { createHmac, timingSafeEqual } from "node:crypto";
import Fastify from "fastify";
import { Redis } from "ioredis";
import { Queue } from "bullmq";
import { DEDUP_SECONDS, QUEUE, jobOptions, redisAddress, spread } from "./settings.mjs";

const secret = process.env.SHOPIFY_API_SECRET;

function signed(body, header) {
  const given = Buffer.from(header ?? "", "base64");
  const wanted = createHmac("sha256", secret).update(body).digest();
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function serve() {
  const redis = new Redis(redisAddress);
  const queue = new Queue(QUEUE, { connection: redis });
  const app = Fastify({ logger: false, bodyLimit: 16 * 1024 * 1024 });

  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );

  app.post("/webhooks/shopify", async (request, reply) => {
    const { headers, body } = request;
    if (!signed(body, headers["x-shopify-hmac-sha256"])) return reply.code(401).send();
    const topic = headers["x-shopify-topic"];
    const shop = headers["x-shopify-shop-domain"];
    const webhookId = headers["x-shopify-webhook-id"];
    const seen = `dedup:${shop}:${webhookId}`;
    const fresh = await redis.set(seen, "1", "EX", DEDUP_SECONDS, "NX");
    if (fresh !== "OK") return reply.code(200).send();
    try {
      await queue.add(topic, { shop, topic, webhookId, body: body.toString("utf8") }, jobOptions);
    } catch {
      await redis.del(seen).catch(() => {});
      return reply.code(503).send();
    }
    return reply.code(200).send();
  });

  await queue.waitUntilReady();
  await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
}

await spread(Number(process.env.PROCESSES ?? 1), serve);
