/*
 * The floor with SQLite: what floor.c does, but one INSERT into SQLite (WAL, synchronous=FULL) instead of an append.
 *
 *   floor_sqlite FILE INTERVAL_MS COUNT WARM_UP LOCKING
 *
 * WARM_UP rows go in first without a sleep, so that the WAL has stopped growing and is overwritten from its start, as
 * it is for all but the first days of a program's life. LOCKING is `normal` (other processes may read the file, as the
 * agent's `status` does) or `exclusive`. An interval of 0 never sleeps, for callgrind.
 */
#include "floor.h"

#include <sqlite3.h>

static sqlite3 *db;

static void check(int code)
{
	if (code != SQLITE_OK && code != SQLITE_DONE) {
		fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
}

static void insert(sqlite3_stmt *statement, const struct record *r)
{
	check(sqlite3_bind_int64(statement, 1, r->at));
	check(sqlite3_bind_int64(statement, 2, (int64_t)r->ram));
	check(sqlite3_bind_int64(statement, 3, (int64_t)r->received));
	check(sqlite3_bind_int64(statement, 4, (int64_t)r->sent));
	check(sqlite3_step(statement));
	check(sqlite3_reset(statement));
}

int main(int argc, char **argv)
{
	struct record r = { 0 };
	sqlite3_stmt *statement;
	if (argc != 6) {
		fprintf(stderr, "usage: floor_sqlite FILE INTERVAL_MS COUNT WARM_UP LOCKING\n");
		return 2;
	}
	check(sqlite3_open(argv[1], &db));
	if (strcmp(argv[5], "exclusive") == 0)
		check(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL));
	check(sqlite3_exec(db,
			   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			   "CREATE TABLE IF NOT EXISTS sample"
			   "(slot INTEGER PRIMARY KEY, at INTEGER, ram INTEGER, received INTEGER, sent INTEGER)",
			   NULL, NULL, NULL));
	check(sqlite3_prepare_v2(db, "INSERT INTO sample (at, ram, received, sent) VALUES (?, ?, ?, ?)", -1,
				 &statement, NULL));
	for (long left = atol(argv[4]); left > 0; left--)
		insert(statement, &r);
	for (long left = atol(argv[3]); left > 0; left--) {
		sleep_to_the_grid(atoll(argv[2]));
		measure(&r);
		insert(statement, &r);
	}
	return 0;
}
