#include "base/digest.h"
#include "clients/client_caps.h"
#include "clients/client_int.h"

const char *
cli_devinf_uri(const struct cli *c)
{
	return c->doc.version == 10   ? "./devinf10"
	       : c->doc.version == 11 ? "./devinf11"
				      : "./devinf12";
}

static int
fill_store(struct cli *c, struct arena *a, const struct cli_db *db,
	   struct sml_datastore *s, struct err *e)
{
	struct sml_ctype *t = ARENA_NEW(a, struct sml_ctype);
	struct sml_ctcap *cap = ARENA_NEW(a, struct sml_ctcap);

	(void)c;
	if (t == NULL || cap == NULL)
		return err_set(e, ERR_NOMEM, "client.devinf", "no memory");
	t->type = pim_form_mime(db->form);
	t->version = pim_form_version(db->form);
	t->pref = true;
	s->source_ref = db->local;
	s->max_guid_size = 64;
	s->max_mem = s->max_id = -1;
	s->rx = s->tx = t;
	s->rx_n = s->tx_n = 1;
	s->sync_types = 0xfe; /* 1 to 7 */
	if (db->no_caps)
		return 0;
	cap->type = t->type;
	cap->version = t->version;
	if (db->caps != NULL)
		cap->caps = *db->caps;
	else if (cli_caps_parse(a, cli_caps_usual(db->form), &cap->caps, e) !=
		 0)
		return -1;
	if (cap->caps.prop_n > 0) {
		s->ctcap = cap;
		s->ctcap_n = 1;
	}
	return 0;
}

/* Ours, as elements; NULL: memory is short. Notes its hash. */
struct sml_node *
cli_devinf_node(struct cli *c, struct arena *a)
{
	const struct cli_conf *conf = c->conf;
	struct sml_devinf d = { .version = c->doc.version,
				.man = conf->man,
				.mod = conf->mod,
				.swv = conf->swv,
				.devid = conf->dev_id,
				.devtyp = conf->devtyp };
	struct slice text;
	struct err e;

	d.utc = d.large_objs = d.number_of_changes = d.version > 10;
	d.stores = ARENA_ARRAY(a, c->run_n, struct sml_datastore);
	d.store_n = c->run_n;
	if (d.stores == NULL)
		return NULL;
	for (size_t i = 0; i < c->run_n; i++)
		if (fill_store(c, a, c->runs[i].db, &d.stores[i], &e) != 0)
			return NULL;
	struct sml_node *n = sml_devinf_node(a, &d, false);
	if (n == NULL || sml_devinf_text(a, n, &text, &e) != 0)
		return NULL;
	c->devinf_hash = digest_u64(text);
	return n;
}

int
cli_devinf_item(struct cli *c, struct arena *a, struct sml_item *item,
		struct sml_meta *meta, struct err *e)
{
	struct sml_node *d = cli_devinf_node(c, a);

	if (d == NULL)
		return err_set(e, ERR_NOMEM, "client.devinf", "no memory");
	item->source = slice_c(cli_devinf_uri(c));
	item->has_source = item->has_data = true;
	if (c->doc.enc == SML_WBXML) {
		struct buf b = BUF_IN(a);

		sml_write_devinf(&b, &c->doc, d);
		if (!buf_ok(&b))
			return err_set(e, ERR_NOMEM, "client.devinf",
				       "no memory");
		meta->type = SLICE_LIT("application/vnd.syncml-devinf+wbxml");
		item->data = buf_slice(&b);
		item->data_opaque = true;
		return 0;
	}
	struct sml_node *data = sml_node_new(a, NULL, SML_DATA);
	if (data == NULL)
		return err_set(e, ERR_NOMEM, "client.devinf", "no memory");
	data->kids = data->last = d;
	meta->type = SLICE_LIT("application/vnd.syncml-devinf+xml");
	item->data_node = data;
	return 0;
}

/* The server's: what it can do, and what it is. */
void
cli_devinf_got(struct cli *c, const struct sml_cmd *cmd)
{
	struct sml_node *root = NULL;
	struct sml_devinf *d = NULL;
	struct err e;

	if (cmd->item_n == 0)
		return;
	const struct sml_item *it = &cmd->items[0];
	if (it->data_node == NULL ||
	    sml_read_devinf(c->in, it->data_node, &root, &e) != 0 ||
	    root == NULL || sml_devinf_read(c->in, root, &d, &e) != 0) {
		cli_say(c, '=',
			"the server's device information is not "
			"understood");
		return;
	}
	c->peer =
	    (struct cli_peer){ true, d->large_objs, d->number_of_changes };
	cli_say(c, '=', "the server is %s %s %s, %zu databases",
		cli_show(d->man).s, cli_show(d->mod).s, cli_show(d->swv).s,
		d->store_n);
}
