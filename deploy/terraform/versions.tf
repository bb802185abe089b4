# Redis for Avnu on AWS: ElastiCache for queue and inbox, and another for the cache.
#
#   terraform init && terraform apply
#   terraform output -json environment        # Avnu's variables, passwords included
#
# CI parses these files and holds them against Avnu's settings; plan and apply need an account, and
# are not run there. The provider's documentation: hashicorp/aws, aws_elasticache_replication_group.
#
# What ElastiCache cannot give: WAITAOF (INBOX_DURABILITY=fsync), and synchronous durability with
# cluster mode disabled. Cluster mode cannot be enabled: queue and inbox are reached by one script.
# So durability is `replica`: 200 is sent when a second node, in another zone, has the webhook.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }
}
