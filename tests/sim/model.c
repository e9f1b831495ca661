/*
 * What the users did. A token is replaced when a deed that is known to count
 * replaced it; what may be left in the end is what no such deed replaced.
 * Nothing in here knows how the engine merges.
 */
#include "tests/sim/sim.h"

void
model_reset(struct model *m)
{
	m->deed_n = 1;
	m->ent_n = m->pair_n = 0;
}

/* Room for one more act of a user, whatever it is. */
bool
model_full(const struct model *m)
{
	return m->deed_n + FIELDS + 2 > DEEDS_MAX || m->ent_n == ENTS_MAX ||
	       m->pair_n + PAIRS_MAX / 10 > PAIRS_MAX;
}

uint32_t
model_deed(struct model *m, struct deed d)
{
	m->deed[m->deed_n] = d;
	return m->deed_n++;
}

unsigned
model_ent(struct model *m, int dev)
{
	unsigned e = m->ent_n++;

	m->ent[e] = (struct ent){ .copies = 1 };
	m->ent[e].name = model_deed(
	    m, (struct deed){ .ent = e, .field = F_NAME, .dev = dev });
	return e;
}

static void
over(struct model *m, uint32_t deed, uint32_t token)
{
	if (m->pair_n == PAIRS_MAX)
		return;
	m->pair[m->pair_n++] =
	    (struct pair){ .deed = (uint16_t)deed, .token = token & 0xffff };
}

void
model_inherit(struct model *m, uint32_t deed, uint32_t from)
{
	for (unsigned i = 0, n = m->pair_n; i < n; i++) {
		if (m->pair[i].deed == (from & 0xffff) && !m->pair[i].void_)
			over(m, deed & 0xffff, m->pair[i].token);
	}
}

void
model_over(struct model *m, uint32_t deed, const struct rec *r, enum field f)
{
	for (unsigned i = 0; i < r->n[f]; i++) {
		over(m, deed & 0xffff, r->v[f][i]);
		model_inherit(m, deed, r->v[f][i]);
	}
}

void
model_over_all(struct model *m, uint32_t deed, const struct rec *r)
{
	for (int f = 0; f < FIELDS; f++)
		model_over(m, deed, r, (enum field)f);
}

void
model_weaken(struct model *m, uint32_t deed)
{
	m->deed[deed & 0xffff].weak = true;
}

/* Is nothing there any more that it set? */
static bool
cleared(const struct model *m, uint32_t deed)
{
	for (unsigned i = 0; i < m->pair_n; i++) {
		if (m->pair[i].token == deed &&
		    m->deed[m->pair[i].deed].kind == DEED_CLEAR)
			return true;
	}
	return false;
}

void
model_revive(struct model *m, uint32_t token, bool sets_too)
{
	for (unsigned i = 0; i < m->pair_n; i++) {
		struct pair *p = &m->pair[i];

		if (p->token == (token & 0xffff) &&
		    (sets_too || m->deed[p->deed].kind != DEED_SET ||
		     cleared(m, p->deed)))
			p->void_ = true;
	}
}

void
model_forget_over(struct model *m, uint32_t deed)
{
	for (unsigned i = 0; i < m->pair_n; i++) {
		if (m->pair[i].deed == (deed & 0xffff))
			m->pair[i].void_ = true;
	}
}

unsigned
model_replaced(const struct model *m, uint32_t token)
{
	unsigned kinds = 0;

	for (unsigned i = 0; i < m->pair_n; i++) {
		const struct pair *p = &m->pair[i];

		if (p->token == (token & 0xffff) && !p->void_ &&
		    !m->deed[p->deed].weak)
			kinds |= 1u << m->deed[p->deed].kind;
	}
	return kinds;
}

bool
model_deleted(const struct model *m, unsigned ent)
{
	for (unsigned t = 1; t < m->deed_n; t++) {
		if (m->deed[t].ent == ent && m->deed[t].kind == DEED_DELETE)
			return true;
	}
	return false;
}

unsigned
model_ent_of(const struct model *m, const struct rec *r)
{
	return r->n[F_NAME] == 0 ? ENTS_MAX
				 : m->deed[r->v[F_NAME][0] & 0xffff].ent;
}
