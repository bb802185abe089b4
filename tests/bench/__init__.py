"""The benchmark: Avnu against Fastify with BullMQ, and against plain Flask with Celery."""
