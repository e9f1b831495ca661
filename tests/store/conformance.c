/*
 * Every implementation of backends/store.h runs through the same tests.
 *
 *	test_store_conformance [KIND]    see tests/postgres/place.h
 */
#include "tests/store/t_store.h"

static const struct t_group *const GROUPS[] = {
	&t_group_tx,        &t_group_account,  &t_group_item,
	&t_group_history,   &t_group_match,    &t_group_map,
	&t_group_change,    &t_group_device,   &t_group_session,
	&t_group_chunk,     &t_group_admin,    &t_group_prune,
	&t_group_isolation, &t_group_throttle, &t_group_batch,
	&t_group_report,    &t_group_views,    &t_group_alarm,
	&t_group_mail,      &t_group_push,     &t_group_wake,
};

/* What cmocka_run_group_tests() does, for a list that is not an array of the
   calling function. */
static int
run(const char *kind, const struct t_group *g)
{
	char name[80];

	(void)snprintf(name, sizeof(name), "%s: %s", kind, g->name);
	return _cmocka_run_group_tests(name, g->test, g->n, NULL, NULL);
}

int
main(int argc, char **argv)
{
	const char *kind = place_name(t_choose_by(argc, argv));
	int failed = 0;

	for (size_t g = 0; g < sizeof(GROUPS) / sizeof(GROUPS[0]); g++)
		failed += run(kind, GROUPS[g]);
	return failed == 0 ? 0 : 1;
}
