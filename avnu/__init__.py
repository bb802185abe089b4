"""Avnu takes in Shopify's webhooks, loses none, and follows each shop's changes in order."""
