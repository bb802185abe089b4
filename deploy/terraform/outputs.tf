output "environment" {
  description = "Avnu's variables: what its programs are started with."
  sensitive   = true
  value = {
    REDIS_HOST           = aws_elasticache_replication_group.queue.primary_endpoint_address
    REDIS_PORT           = "6379"
    REDIS_PASSWORD       = var.auth_token
    REDIS_TLS_ENABLED    = "true"
    REDIS_CACHE_HOST     = aws_elasticache_replication_group.cache.primary_endpoint_address
    REDIS_CACHE_PORT     = "6379"
    REDIS_CACHE_PASSWORD = var.cache_auth_token
    # One replica confirms: ElastiCache promotes the one that lags least, which is one that did. With
    # INBOX_DURABILITY_REPLICAS of all of them, a node that is replaced would stop the receivers.
    INBOX_DURABILITY = "replica"
  }
}

output "security_group_id" {
  description = "The group in front of both, for further rules."
  value       = aws_security_group.this.id
}
