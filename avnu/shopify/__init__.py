"""What Avnu knows about Shopify: the topics it follows and the payloads they carry."""
