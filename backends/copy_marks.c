#include "backends/copy_marks.h"

#include "backends/copy.h"

int
copy_word(struct store *s, struct arena *a, const char *key, struct slice **out,
	  struct err *e)
{
	return s->v->site_get(s, a, key, out, e);
}

int
copy_mark(struct store *s, const char *key, const struct slice *value,
	  const bool *moved, struct err *e)
{
	const struct store_rows_vtbl *v = s->v->rows;
	struct rows *r = NULL;
	int rc = v->begin(s, STORE_WRITE, &r, e);

	if (rc == 0)
		rc = v->site_set(r, key, value, e);
	if (rc == 0 && moved != NULL)
		rc = v->seal(r, *moved, e);
	if (rc == 0)
		return v->commit(&r, e);
	v->rollback(&r);
	return -1;
}

int
store_site_forget(struct store *s, const char *key, struct err *e)
{
	return copy_mark(s, key, NULL, NULL, e);
}

int
copy_reopen(struct store *s, struct err *e)
{
	bool no = false;

	return copy_mark(s, ROWS_MOVED, NULL, &no, e);
}

int
store_copy_reopen(struct store *s, struct err *e)
{
	struct rows_hold *h = NULL;
	int rc = s->v->rows->hold(s, &h, e);

	if (rc == 0)
		rc = copy_reopen(s, e);
	s->v->rows->let_go(&h);
	return rc;
}

int
store_copy_usable(struct store *s, struct err *e)
{
	struct arena *a = arena_new(65536);
	struct slice *moved = NULL;
	struct slice *copy_of = NULL;
	int rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "store.open", "out of memory");
	rc = copy_word(s, a, ROWS_MOVED, &moved, e);
	if (rc == 0)
		rc = copy_word(s, a, ROWS_COPY_OF, &copy_of, e);
	if (rc == 0 && moved != NULL)
		rc = err_set(e, ERR_CONFIG, "store.open",
			     "this site has moved to %.*s: name that in "
			     "`store` (`funicular copy --reopen` goes back)",
			     SLICE_ARG(*moved));
	else if (rc == 0 && copy_of != NULL)
		rc = err_set(e, ERR_CONFIG, "store.open",
			     "the database holds a copy of a site that is not "
			     "finished: run `funicular copy` again");
	arena_free(&a);
	return rc;
}
