#!/bin/sh
# Moves one shop's rows from one cell's database to another's: deploy/cells.md says when.
#
#   deploy/move-shop.sh FROM TO SHOP
#
# FROM and TO are names of ~/.pg_service.conf (postgresql.org/docs, "The Connection Service File"):
# so no password is an argument. Both databases are of the same Avnu, and share
# TOKEN_ENCRYPTION_KEYS. Exit code 1: nothing was moved, or the rows are in the folder it names.
set -eu
umask 077

fail() {
  echo "move-shop: $1" >&2
  exit "${2:-1}"
}

[ $# -eq 3 ] || fail "usage: move-shop.sh FROM TO SHOP" 2
from=$1 to=$2 shop=$3
case $shop in
  *[!a-z0-9.-]*) fail "$shop is no name.myshopify.com" 2 ;;
  *.myshopify.com) ;;
  *) fail "$shop is no name.myshopify.com" 2 ;;
esac

at() {
  PGSERVICE=$1 psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction \
    --no-align --tuples-only --file "$2"
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/tables.sql" <<SQL
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema()
AND (column_name = 'shop' OR (table_name, column_name) = ('shops', 'domain'))
AND EXISTS (SELECT FROM shops WHERE domain = '$shop')
ORDER BY table_name;
SQL
at "$from" "$folder/tables.sql" >"$folder/tables" || fail "$from cannot be asked"
[ -s "$folder/tables" ] || fail "$from has no shop $shop"

# What a worker had still in memory when the shop left this cell before (avnu/subscriptions/).
echo "DELETE FROM habits WHERE shop = '$shop';" >"$folder/in.sql"
while IFS='|' read -r table column; do
  rows=$folder/$table.rows
  # Taken away as they are read: from then on the old cell has no token to refresh.
  printf "\\\\copy (DELETE FROM %s WHERE %s = '%s' RETURNING *) TO '%s'\n" \
    "$table" "$column" "$shop" "$rows" >>"$folder/out.sql"
  printf "\\\\copy %s FROM '%s'\n" "$table" "$rows" >>"$folder/in.sql"
done <"$folder/tables"

at "$from" "$folder/out.sql" || fail "nothing was moved: $from did not give its rows"
# Now the rows are here and nowhere else.
trap - EXIT
at "$to" "$folder/in.sql" || fail "$to did not take the rows, which are in $folder alone. Mend it,
and: PGSERVICE=$to psql -1 -v ON_ERROR_STOP=1 -f $folder/in.sql
or put them back, with PGSERVICE=$from. Then remove the folder: it holds sealed tokens."
echo "rows moved: $(cat "$folder"/*.rows | wc -l)"
rm -rf "$folder"
