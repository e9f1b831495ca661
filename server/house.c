#include "server/house.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void
name_of_machine(char *out, size_t n)
{
	if (gethostname(out, n) != 0 || out[0] == '\0')
		(void)snprintf(out, n, "funicular");
	out[n - 1] = '\0';
}

/* Who holds the lock lives. Without it, or with a file that is not ours, the
   run before is not known, and no more is lost than time. */
static void
take_over(struct srv_house *h, const char *dir)
{
	char path[4096];
	char was[sizeof(h->before)] = "";
	int n = snprintf(path, sizeof(path), "%s/run", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return;
	h->run_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (h->run_fd < 0)
		return;
	if (flock(h->run_fd, LOCK_EX | LOCK_NB) != 0) {
		(void)close(h->run_fd);
		h->run_fd = -1;
		return;
	}
	if (pread(h->run_fd, was, sizeof(was) - 1, 0) == sizeof(was) - 1 &&
	    strspn(was, "0123456789abcdef") == sizeof(was) - 1)
		memcpy(h->before, was, sizeof(was));
	if (pwrite(h->run_fd, h->id, sizeof(h->id) - 1, 0) != sizeof(h->id) - 1)
		(void)!ftruncate(h->run_fd, 0);
}

void
srv_house_open(struct srv_house *h, struct store *s, const struct clk *clk,
	       struct rnd *rnd, const char *name, const char *dir)
{
	unsigned char id[16];

	*h = (struct srv_house){ .store = s,
				 .clk = clk,
				 .run_fd = -1,
				 .started_ms = clk->now_ms(clk) };
	rnd->fill(rnd, id, sizeof(id));
	for (size_t i = 0; i < sizeof(id); i++)
		(void)snprintf(h->id + 2 * i, 3, "%02x", id[i]);
	if (name[0] != '\0')
		(void)snprintf(h->name, sizeof(h->name), "%s", name);
	else
		name_of_machine(h->name, sizeof(h->name));
	if (dir != NULL)
		take_over(h, dir);
}

static int
beat(struct srv_house *h, bool stopped, struct err *e)
{
	const struct store_node row = {
		.id = slice_c(h->id),
		.name = slice_c(h->name),
		.version = SLICE_LIT(FUNICULAR_VERSION),
		.started_ms = h->started_ms,
		.stopped = stopped,
	};

	return h->store->v->node_beat(h->store, &row, e);
}

int
srv_house_beat(struct srv_house *h, struct err *e)
{
	int64_t now = clk_mono_ms();

	if (!atomic_exchange(&h->doubt, false) && !srv_house_stuck(h) &&
	    h->beating && now - h->beat_mono_ms < SRV_HOUSE_BEAT_MS)
		return 0;
	if (beat(h, false, e) != 0) {
		atomic_store(&h->stuck, true);
		return -1;
	}
	atomic_store(&h->stuck, false);
	h->beating = true;
	h->beat_mono_ms = now;
	return 0;
}

void
srv_house_doubt(struct srv_house *h)
{
	atomic_store(&h->doubt, true);
}

bool
srv_house_stuck(struct srv_house *h)
{
	return atomic_load(&h->stuck);
}

int
srv_house_lease(struct srv_house *h, const char *work, bool *ours,
		struct err *e)
{
	return h->store->v->lease_take(h->store, work, slice_c(h->id),
				       SRV_HOUSE_LEASE_MS, ours, e);
}

void
srv_house_give_back_of(struct srv_house *h, const char *id, const char *work)
{
	bool ours;

	/* If it cannot be said, it runs out by itself. */
	(void)h->store->v->lease_take(h->store, work, slice_c(id), 0, &ours,
				      NULL);
}

void
srv_house_give_back(struct srv_house *h, const char *work)
{
	srv_house_give_back_of(h, h->id, work);
}

void
srv_house_close(struct srv_house *h)
{
	if (h->beating)
		(void)beat(h, true, NULL);
	h->beating = false;
	if (h->run_fd >= 0)
		(void)close(h->run_fd);
	h->run_fd = -1;
}
