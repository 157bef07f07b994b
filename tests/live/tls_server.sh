#!/bin/sh
# A private Postgres 15 with TLS on and without logical decoding, for tls_pg_test.cc: tls_server.sh start DIRECTORY PORT | stop DIRECTORY
# Makes a CA, a certificate of it for db.example.com, and a CA that signed nothing.
set -eu
bin=${WALBRIDGE_TEST_PG_BIN:-/usr/lib/postgresql/15/bin}
dir=$2
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

if [ "$1" = stop ]; then
  as_postgres "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null
  rm -rf "$dir"
  exit
fi

make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$dir/$1.key" -out "$dir/$1.crt" 2>/dev/null
}
make_ca ca
make_ca wrong_ca
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=db.example.com -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
printf 'subjectAltName=DNS:db.example.com\n' > "$dir/san"
openssl x509 -req -days 2 -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -extfile "$dir/san" -out "$dir/server.crt" 2>/dev/null
chmod 600 "$dir/server.key"
chmod 755 "$dir"
mkdir "$dir/data"
if [ "$(id -u)" = 0 ]; then chown -R postgres "$dir"; fi
as_postgres "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync >/dev/null
# Only TLS gets in, with a password.
printf 'hostssl all,replication all 127.0.0.1/32 scram-sha-256\n' > "$dir/data/pg_hba.conf"
echo "ALTER ROLE postgres PASSWORD 'hunter2'" | as_postgres "$bin/postgres" --single -D "$dir/data" postgres >/dev/null 2>&1
as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-p $3 -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  -c ssl=on -c ssl_cert_file=$dir/server.crt -c ssl_key_file=$dir/server.key -c wal_level=replica -c fsync=off" start >/dev/null
