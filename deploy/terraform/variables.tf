variable "name" {
  description = "Prefix of everything made here; lower case, as ElastiCache wants it."
  type        = string
  default     = "avnu"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Use 1 to 31 of a-z 0-9 -, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The VPC in which Avnu runs."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in as many zones as there are nodes."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Multi-AZ needs subnets in two zones at least."
  }
}

variable "client_security_group_ids" {
  description = "Security groups of receivers, workers, beat and Flower: nobody else gets in."
  type        = set(string)
}

variable "auth_token" {
  description = "Password of queue and inbox: 16 to 128 characters, e.g. `openssl rand -hex 32`."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{16,128}$", var.auth_token))
    error_message = "Use 16 to 128 letters and digits."
  }
}

variable "cache_auth_token" {
  description = "The same for the cache: another one, as other processes may share that server."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{16,128}$", var.cache_auth_token))
    error_message = "Use 16 to 128 letters and digits."
  }
}

variable "engine_version" {
  description = "Version of Valkey; Avnu works with 8 and 9."
  type        = string
  default     = "8.0"
}

variable "parameter_family" {
  description = "Family of parameter groups that belongs to engine_version."
  type        = string
  default     = "valkey8"
}

variable "queue_node_type" {
  description = "Nodes of queue and inbox. `avnu sizing --managed` says how much memory; 25 % are reserved."
  type        = string
  default     = "cache.m7g.large"
}

variable "cache_node_type" {
  description = "Nodes of the cache."
  type        = string
  default     = "cache.t4g.small"
}

variable "queue_nodes" {
  description = "Primary and replicas of queue and inbox, each in a zone of its own."
  type        = number
  default     = 3

  validation {
    condition     = var.queue_nodes >= 2 && var.queue_nodes <= 6
    error_message = "Use 2 to 6: one primary, and a replica at least to fail over to."
  }
}

variable "snapshot_days" {
  description = "How long daily snapshots of queue and inbox are kept. (days)"
  type        = number
  default     = 7
}

variable "snapshot_window" {
  description = "When they are taken (UTC), away from your busy hours."
  type        = string
  default     = "03:00-04:00"
}

variable "maintenance_window" {
  description = "When AWS may replace nodes: each time a failover of some seconds."
  type        = string
  default     = "tue:04:30-tue:05:30"
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms are sent to."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything made here."
  type        = map(string)
  default     = {}
}
