"""What Avnu knows about Shopify: topics and payloads that come in, and the client that calls it."""
