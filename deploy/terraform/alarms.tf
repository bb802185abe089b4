# What CloudWatch sees of the nodes; what Avnu sees of them is in deploy/prometheus/alerts.yaml.
# To add an alarm: a row in `alarms`. Where a metric is missing the node is in trouble, so missing
# data is alarm for memory, which every node tells once a minute.

locals {
  nodes = merge(
    { for id in local.queue_node_ids : id => "queue" },
    { for id in local.cache_node_ids : id => "cache" },
  )

  alarms = {
    memory = {
      metric    = "DatabaseMemoryUsagePercentage"
      statistic = "Maximum"
      above     = local.memory_percent
      minutes   = 5
      missing   = "breaching"
      of        = ["queue"] # the cache is meant to be full
      why       = "At INBOX_FULL_PERCENT of maxmemory receivers answer 503. Runbook: Redis full."
    }
    engine_cpu = {
      metric    = "EngineCPUUtilization"
      statistic = "Average"
      above     = 80
      minutes   = 5
      missing   = "notBreaching"
      of        = ["queue", "cache"]
      why       = "Redis has one thread for commands: near 100 % everything waits. Runbook: sizing."
    }
    host_cpu = {
      metric    = "CPUUtilization"
      statistic = "Average"
      above     = 90
      minutes   = 10
      missing   = "notBreaching"
      of        = ["queue", "cache"]
      why       = "TLS and snapshots are beside the engine: the node is too small."
    }
    evictions = {
      metric    = "Evictions"
      statistic = "Sum"
      above     = 0
      minutes   = 1
      missing   = "notBreaching"
      of        = ["queue"]
      why       = "Queue and inbox must never lose a key: is maxmemory-policy still noeviction?"
    }
    replication_lag = {
      metric    = "ReplicationLag"
      statistic = "Maximum"
      above     = 5
      minutes   = 3
      missing   = "notBreaching" # the primary has none
      of        = ["queue"]
      why       = "INBOX_DURABILITY=replica waits for it, so receivers answer 503 or slowly."
    }
    connections = {
      metric    = "CurrConnections"
      statistic = "Maximum"
      above     = 50000 # of 65,000 that a node takes
      minutes   = 5
      missing   = "notBreaching"
      of        = ["queue", "cache"]
      why       = "Somebody leaks connections, or QUEUE_CONCURRENCY × workers has outgrown the node."
    }
  }

  node_alarms = {
    for pair in setproduct(keys(local.nodes), keys(local.alarms)) :
    "${pair[0]}-${pair[1]}" => { node = pair[0], alarm = local.alarms[pair[1]] }
    if contains(local.alarms[pair[1]].of, local.nodes[pair[0]])
  }
}

resource "aws_cloudwatch_metric_alarm" "node" {
  for_each = local.node_alarms

  alarm_name          = each.key
  alarm_description   = each.value.alarm.why
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.alarm.metric
  statistic           = each.value.alarm.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.alarm.above
  period              = 60
  evaluation_periods  = each.value.alarm.minutes
  treat_missing_data  = each.value.alarm.missing
  dimensions          = { CacheClusterId = each.value.node }
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
