/*
 * The floor: the least that a program does which samples RAM and network and keeps the sample.
 *
 *   floor FILE INTERVAL_MS COUNT
 *
 * Each sample opens, reads and closes /proc/meminfo and /proc/net/dev, appends a record of 32 bytes to FILE and syncs
 * it. Samples fall on the grid of the wall clock, as the agent's do. An interval of 0 never sleeps, for callgrind.
 */
#include "floor.h"

int main(int argc, char **argv)
{
	struct record r;
	if (argc != 4) {
		fprintf(stderr, "usage: floor FILE INTERVAL_MS COUNT\n");
		return 2;
	}
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (long left = atol(argv[3]); left > 0; left--) {
		sleep_to_the_grid(atoll(argv[2]));
		measure(&r);
		if (write(fd, &r, sizeof r) != sizeof r || fsync(fd) != 0) {
			perror(argv[1]);
			return 1;
		}
	}
	return 0;
}
