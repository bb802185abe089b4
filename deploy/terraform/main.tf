locals {
  # Where an alarm stands: Avnu stops accepting at INBOX_FULL_PERCENT (85), and that must not be the
  # first thing anybody hears of.
  memory_percent = 75

  queue_id = "${var.name}-queue"
  cache_id = "${var.name}-cache"

  # As ElastiCache names them. Not read from the groups: alarms would then be unknown to a plan.
  queue_node_ids = toset([for n in range(var.queue_nodes) : format("%s-%03d", local.queue_id, n + 1)])
  cache_node_ids = toset([for n in range(2) : format("%s-%03d", local.cache_id, n + 1)])
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Avnu"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-redis-"
  description = "Redis of Avnu, for its own programs"
  vpc_id      = var.vpc_id
  tags        = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = "Avnu"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

# ---- queue and inbox: nothing is ever evicted

resource "aws_elasticache_parameter_group" "queue" {
  # With its family: a new family is a new group, made while the old one still has its name.
  name        = "${local.queue_id}-${var.parameter_family}"
  family      = var.parameter_family
  description = "Queue and inbox of Avnu"
  tags        = var.tags

  # Full means "write no more", never "throw away what was acknowledged".
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  # For snapshots, failovers and the buffers of replicas; maxmemory is what is left of the node.
  parameter {
    name  = "reserved-memory-percent"
    value = "25"
  }

  # Idle connections stay: workers wait in BRPOP, and listen to channels for days.
  parameter {
    name  = "timeout"
    value = "0"
  }

  parameter {
    name  = "tcp-keepalive"
    value = "60"
  }

  # What expires or is deleted is freed in the background: bodies are up to 16 MiB.
  parameter {
    name  = "lazyfree-lazy-expire"
    value = "yes"
  }

  parameter {
    name  = "lazyfree-lazy-user-del"
    value = "yes"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_replication_group" "queue" {
  replication_group_id = local.queue_id
  description          = "Queue and inbox of Avnu"

  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.queue_node_type
  parameter_group_name = aws_elasticache_parameter_group.queue.name
  port                 = 6379

  # One primary with replicas: cluster mode stays disabled.
  num_cache_clusters         = var.queue_nodes
  multi_az_enabled           = true
  automatic_failover_enabled = true

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.this.id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  auth_token                 = var.auth_token
  # A new token beside the old one; when all programs have it, apply again with SET.
  auth_token_update_strategy = "ROTATE"

  snapshot_retention_limit  = var.snapshot_days
  snapshot_window           = var.snapshot_window
  final_snapshot_identifier = "${local.queue_id}-final"

  maintenance_window         = var.maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = false

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.slow.name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }

  tags = var.tags

  lifecycle {
    # It holds webhooks that Shopify will not send again.
    prevent_destroy = true
  }
}

# ---- the cache: what expires goes when room is needed

resource "aws_elasticache_parameter_group" "cache" {
  name        = "${local.cache_id}-${var.parameter_family}" # as above
  family      = var.parameter_family
  description = "Cache of Avnu"
  tags        = var.tags

  # Entries expire; breaker, budget and counters do not, and stay.
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-lru"
  }

  parameter {
    name  = "reserved-memory-percent"
    value = "25"
  }

  parameter {
    name  = "timeout"
    value = "0"
  }

  parameter {
    name  = "tcp-keepalive"
    value = "60"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_replication_group" "cache" {
  replication_group_id = local.cache_id
  description          = "Cache of Avnu"

  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.cache_node_type
  parameter_group_name = aws_elasticache_parameter_group.cache.name
  port                 = 6379

  # All of it can be lost, but without it every call of Shopify is a guess at the shop's budget.
  num_cache_clusters         = 2
  multi_az_enabled           = true
  automatic_failover_enabled = true

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.this.id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  auth_token                 = var.cache_auth_token
  auth_token_update_strategy = "ROTATE"

  snapshot_retention_limit   = 0
  maintenance_window         = var.maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = false

  tags = var.tags
}

resource "aws_cloudwatch_log_group" "slow" {
  name              = "/avnu/${var.name}/slow-log"
  retention_in_days = 30
  tags              = var.tags
}
