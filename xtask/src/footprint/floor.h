/*
 * What both floors share: the reading of RAM and network, and the sleep to the next point of the wall clock's grid.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct record {
	int64_t at;
	uint64_t ram, received, sent;
};

static char text[16384];

static const char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (length < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
	text[length] = '\0';
	return text;
}

static void measure(struct record *r)
{
	const char *p = strstr(slurp("/proc/meminfo"), "MemTotal:");
	r->ram = p ? strtoull(p + 9, NULL, 10) * 1024 : 0;
	r->received = r->sent = 0;
	for (p = strchr(slurp("/proc/net/dev"), ':'); p; p = strchr(p, ':')) {
		char *end;
		r->received += strtoull(p + 1, &end, 10);
		for (int skipped = 0; skipped < 7; skipped++)
			strtoull(end, &end, 10);
		r->sent += strtoull(end, &end, 10);
		p = end;
	}
	r->at = time(NULL);
}

static void sleep_to_the_grid(int64_t interval_ms)
{
	struct timespec now;
	if (interval_ms == 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t next = ((now.tv_sec * 1000 + now.tv_nsec / 1000000) / interval_ms + 1) * interval_ms;
	now.tv_sec = next / 1000;
	now.tv_nsec = next % 1000 * 1000000;
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &now, NULL);
}
