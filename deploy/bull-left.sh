#!/bin/sh
# What Bull or BullMQ has still to do, per queue and state, all at one moment: the runbook's cut-over
# asks before `bull:*` is deleted.
#
#   deploy/bull-left.sh [OPTIONS OF redis-cli]            e.g. -h node-redis -n 0
#
# The password in REDISCLI_AUTH; another prefix than `bull` in BULL_PREFIX. Exit code 0: nothing is
# left to be done. 1: something is. 2: no queue was found, or Redis did not answer.
set -eu

prefix=${BULL_PREFIX:-bull}
# A paused queue of Bull keeps its jobs in `paused`; only BullMQ knows the last two.
states='wait active paused delayed prioritized waiting-children'

fail() {
  echo "bull-left: $1" >&2
  exit 2
}

keys=$(redis-cli "$@" --scan --pattern "$prefix:*") || fail "Redis does not answer"
# `id` and `meta` outlive the jobs, so that a queue that is empty is known as one.
known="$(echo "$states" | tr ' ' '|')|id|meta"
queues=$(printf '%s\n' "$keys" | sed -nE "s/^$prefix:(.+):($known)\$/\\1/p" | sort -u)
[ -n "$queues" ] || fail "no queue of $prefix: is it the right Redis, and the right database (-n)?"

# One script, so that no job is missed on its way from one state to the next.
# shellcheck disable=SC2016
count='
local function size(key)
  local kind = redis.call("TYPE", key).ok
  if kind == "list" then return redis.call("LLEN", key) end
  if kind == "zset" then return redis.call("ZCARD", key) end
  return 0
end
local lines = {}
for queue in ARGV[2]:gmatch("[^\n]+") do
  local line, left = queue, 0
  for state in ARGV[3]:gmatch("%S+") do
    local n = size(ARGV[1] .. ":" .. queue .. ":" .. state)
    left, line = left + n, line .. " " .. state .. "=" .. n
  end
  local failed = size(ARGV[1] .. ":" .. queue .. ":failed")
  lines[#lines + 1] = "left=" .. left .. " " .. line .. " (failed=" .. failed .. ")"
end
return lines'
told=$(redis-cli "$@" --raw EVAL "$count" 0 "$prefix" "$queues" "$states") ||
  fail "Redis does not answer"
printf '%s\n' "$told"
[ "$(printf '%s\n' "$told" | grep -c '^left=')" = "$(printf '%s\n' "$queues" | wc -l)" ] ||
  fail "Redis did not count them"
! printf '%s\n' "$told" | grep -q '^left=[1-9]'
