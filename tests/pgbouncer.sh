#!/usr/bin/env bash
# The suites through PgBouncer, in the mode that the one at hand fits: `Legacy` before 1.21, else `Prepared`.
#
#   tests/pgbouncer.sh [FILTER..]      all tests, or those whose names contain one of these
#   PGBOUNCER_MODE=legacy ..           `Legacy`, whatever the version
#   SELECTION='--workspace ..' ..      what cargo selects elsewhere, so that nothing is built twice
#
# Needs `tests/services.sh up` and its `env`, with PgBouncer installed.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${KYSERA_PGBOUNCER_URL:?is not set: install pgbouncer, and see tests/services.sh}"

# What cannot hold there, and why. A test has a database of its own instead of a schema, its fixture looks past the pooler, and sqlx's
# own statements are prepared under names.
skipped=(
    # several schemas of one database
    audit_schemas::each_tenant_has_its_own_chain
    audit_schemas::each_tenant_has_its_own_log
    plugins_marks::schemas_have_their_own_deleted_rows
    schemas::a_struct_with_a_schema_of_its_own_stays_there
    schemas::more_rows_than_a_statement_takes_stay_in_their_schema
    schemas::tenants_do_not_meet
    schemas::transactions_and_connections_inherit_the_schema
    # the schema of a fixture
    fixture::nothing_is_left_behind_even_by_a_panic_within_a_transaction
    # a pool or a transaction of sqlx's own
    streams::on_a_pool_of_sqlx
    usage::a_transaction_of_sqlx_can_be_borrowed
    # connections that the fixture lends, which are not the pool's here
    shutdown::connections_that_sqlx_lent_are_waited_for
    shutdown::what_comes_back_late_is_closed
    # statements that are stopped on the server, which nobody can do here
    deadline::
    server::many_statements_are_stopped
)

arguments=()
for name in "${skipped[@]}"; do
    arguments+=(--skip "$name")
done
export KYSERA_POSTGRES_VIA_PGBOUNCER=${PGBOUNCER_MODE:-fitting}
read -ra selection <<<"${SELECTION:--p kysera-tests --features all}"
exec cargo test "${selection[@]}" \
    --test postgres --test rls_postgres --test infra_postgres -- "${arguments[@]}" "$@"
