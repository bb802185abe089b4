#!/bin/sh
# Writes the ACL file that Redis reads, from the template users.acl beside it, to standard output:
#
#   REDIS_RECEIVER_PASSWORD=… REDIS_WORKER_PASSWORD=… … deploy/redis/users.sh > users.acl
#
# Every user of the template needs its password, REDIS_<USER>_PASSWORD; in the file it stands as
# SHA-256, so make it long and random (openssl rand -hex 32). That of the user sentinel is
# REDIS_SENTINEL_USER_PASSWORD, as Avnu calls the Sentinels' own REDIS_SENTINEL_PASSWORD.
# AVNU_NAMESPACE and REDIS_QUEUE_DB as Avnu has them.
#
# Redis refuses a file with a word that it does not know: users.sh --before-7.2 for 7.0, and
# users.sh --before-7.0 for 6.2, where who may read a key may also write it.
set -eu

template=$(dirname "$0")/users.acl
namespace=${AVNU_NAMESPACE:-avnu}
database=${REDIS_QUEUE_DB:-1}
newer='+client|setinfo +waitaof'
read='%R~'
case ${1:-} in
  '') ;;
  --before-7.2) newer='' ;;
  --before-7.0) newer='' read='~' ;;
  *) echo "users.sh: $1 is not known" >&2; exit 2 ;;
esac

# What the receiver touches: of the inbox everything but the bodies of settled webhooks (b:) and how
# far they were looked through (searched), of the guards what /metrics reads. Families as in
# avnu/keys.py.
inbox=
for family in 'w:*' 't:*' 'g:*' 'l:*' 's:*' 'r:*' 'p:*' 'h:*' work control counts token \
  solo replays suspects stopped running suspect parked dead holders releasing paused 'probe*' \
  heard ticking found looking acts; do
  inbox="$inbox ~$namespace:$family"
done
guards=
for family in guards_offset breakers 'brk*' apic cc; do
  guards="$guards $read$namespace:$family"
done
queues='' lengths="$read$namespace:maintenance"
for area in orders products inventory app compliance; do
  queues="$queues ~$namespace:$area"
  lengths="$lengths $read$namespace:$area"
done
celery="\&$namespace:/$database.celery.pidbox \&$namespace:/$database.celeryev/*"

# Linux has the one, macOS and the BSDs the other.
if command -v sha256sum >/dev/null; then set -- sha256sum; else set -- shasum -a 256; fi

rules=$(sed -e '/^#/d' -e "s/%NS%/$namespace/g" -e "s/%INBOX%/$inbox/" -e "s/%QUEUES%/$queues/" \
  -e "s/%GUARDS%/$guards/" -e "s/%LENGTHS%/$lengths/" -e "s/%NEWER%/$newer/" \
  -e "s|%CELERY%|$celery|" "$template")
for user in RECEIVER WORKER BEAT FLOWER OPERATOR ADMIN METRICS REPLICA SENTINEL_USER; do
  eval "password=\${REDIS_${user}_PASSWORD:-}"
  if [ -z "$password" ]; then
    echo "users.sh: REDIS_${user}_PASSWORD is not set" >&2
    exit 2
  fi
  hash=$(printf %s "$password" | "$@" | cut -d ' ' -f 1)
  rules=$(printf '%s\n' "$rules" | sed "s/%$user%/on #$hash/")
done

# Redis wants a user on one line; an indented line goes on with the one before it.
printf '%s\n' "$rules" | awk '
  /^user / { if (line) print line; line = $0; next }
  NF { $1 = $1; line = line " " $0 }
  END { print line }'
