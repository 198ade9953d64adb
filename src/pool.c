#include "pool.h"

#include <ctype.h>

/* The last one first: neighbours are mostly of one pool. */
static struct pool *find_pool(struct pools *pools, const char *resource)
{
	for (size_t i = pools->n; i > 0; i--)
		if (streq(pools->items[i - 1].resource, resource))
			return &pools->items[i - 1];
	return NULL;
}

static struct pool *add_pool(struct pools *pools, const char *resource,
			     struct strings *errors)
{
	const char *slash = strchr(resource, '/');
	struct pool pool = { .resource = resource,
			     .prefix = xstrndup(resource, (size_t)(slash - resource)),
			     .name = xstrdup(slash + 1) };

	/* netDevice pools: "^[a-zA-Z0-9_-]+$", DP pkg/resources */
	for (char *c = pool.name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			*c = '_';
	for (size_t i = 0; i < pools->n; i++)
		if (streq(pools->items[i].prefix, pool.prefix) &&
		    streq(pools->items[i].name, pool.name))
			export_note(errors,
				    "%s and %s are both written %s/%s here, which is one "
				    "name for two pools: change a resource",
				    pools->items[i].resource, resource, pool.prefix,
				    pool.name);
	*array_add(pools->items, pools->n) = pool;
	return &pools->items[pools->n - 1];
}

static struct vf_values offer_values(const struct offer *offer)
{
	return offer->pf_rule ?
		       pf_rule_values(offer->pf_rule, offer->function->vf_index) :
		       (struct vf_values){};
}

/* Forgets what is not said of both alike. */
static void keep_common(struct pool *pool, const struct vf_values *other)
{
	for (int key = 0; key < N_VF_KEYS; key++)
		if (!vf_knows(other, key) || other->value[key] != pool->values.value[key])
			pool->values.known &= ~VF_BIT(key);
}

static void add_offer(struct pools *pools, const struct offer *offer,
		      struct strings *errors)
{
	struct pool *pool = find_pool(pools, offer->resource);
	struct vf_values values = offer_values(offer);

	if (!pool) {
		pool = add_pool(pools, offer->resource, errors);
		pool->values = values;
	}
	keep_common(pool, &values);
	*array_add(pool->items, pool->n) = offer;
}

/* Set at boot for some VFs only, and then overwritten or handed out unseen. */
static void warn_of_values(const struct pool *pool, struct strings *warnings)
{
	for (size_t i = 0; i < pool->n; i++) {
		const struct vf_values values = offer_values(pool->items[i]);

		for (int key = 0; key < N_VF_KEYS; key++)
			if (vf_knows(&values, key) && !vf_knows(&pool->values, key) &&
			    !(VF_UNIQUE & VF_BIT(key)))
				export_note(warnings,
					    "the functions of %s differ in %s (%s:%d), "
					    "which one pool cannot say: give them "
					    "resources of their own",
					    pool->resource, vf_key_name(key),
					    pool->items[i]->where.file,
					    pool->items[i]->where.line);
	}
}

void pools_make(struct pools *ret, const struct offers *offers, enum advertise path,
		struct export_notes *notes)
{
	for (size_t i = 0; i < offers->n; i++) {
		const struct offer *offer = &offers->items[i];

		if (offer->path != path)
			continue;
		if (!streq(offer->function->driver, DRIVER_VFIO))
			export_note(&notes->warnings,
				    "functions on %s are left out (%s:%d): only the "
				    "driver vfio-pci counts there",
				    offer->function->driver, offer->where.file,
				    offer->where.line);
		else
			add_offer(ret, offer, &notes->errors);
	}
	for (size_t i = 0; i < ret->n; i++)
		warn_of_values(&ret->items[i], &notes->warnings);
}

static unsigned offer_vlan(const struct offer *offer)
{
	struct vf_values values = offer_values(offer);

	return vf_knows(&values, VF_VLAN) ? (unsigned)values.value[VF_VLAN] : 0;
}

bool pool_has_one_vlan(const struct pool *pool, struct strings *errors)
{
	const struct offer *a = pool->items[0];

	for (size_t i = 1; i < pool->n; i++) {
		const struct offer *b = pool->items[i];

		if (offer_vlan(a) == offer_vlan(b))
			continue;
		export_note(errors,
			    "%s has VLAN %u (%s:%d) and VLAN %u (%s:%d), and a network "
			    "has one: give them resources of their own",
			    pool->resource, offer_vlan(a), a->where.file, a->where.line,
			    offer_vlan(b), b->where.file, b->where.line);
		return false;
	}
	return true;
}

void pools_done(struct pools *pools)
{
	for (size_t i = 0; i < pools->n; i++) {
		free(pools->items[i].prefix);
		free(pools->items[i].name);
		free(pools->items[i].items);
	}
	free(pools->items);
	*pools = (struct pools){};
}

char *pool_object_name(const struct pool *pool)
{
	char *name = xstrdup(pool->name);

	for (char *c = name; *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '-';
	return name;
}

bool pool_is_network(const struct pool *pool)
{
	for (size_t i = 0; i < pool->n; i++)
		if (pool->items[i]->function->class >> 16 != 0x02)
			return false;
	return true;
}

void pools_check_objects(const struct pools *pools, struct strings *errors)
{
	for (size_t i = 0; i < pools->n; i++)
		for (size_t j = i + 1; j < pools->n; j++) {
			const struct pool *a = &pools->items[i], *b = &pools->items[j];
			_cleanup_free_ char *name = pool_object_name(a);
			_cleanup_free_ char *other = pool_object_name(b);

			if (!streq(name, other) || !pool_is_network(a) ||
			    !pool_is_network(b))
				continue;
			export_note(errors,
				    "%s (%s:%d) and %s (%s:%d) would both be the "
				    "network %s: change the name after the '/' in one",
				    a->resource, a->items[0]->where.file,
				    a->items[0]->where.line, b->resource,
				    b->items[0]->where.file, b->items[0]->where.line,
				    name);
		}
}

char *pool_range(const struct pool *pool, const struct function *pf)
{
	char *text = xstrdup("");
	bool *in = xcalloc(pf->n_vfs + 1, sizeof(bool));

	for (size_t i = 0; i < pool->n; i++)
		if (pool->items[i]->pf == pf)
			in[pool->items[i]->function->vf_index] = true;
	for (size_t first = 0, last; first < pf->n_vfs; first = last + 1) {
		_cleanup_free_ char *before = NULL;

		for (last = first; in[first] && in[last + 1];)
			last++;
		if (!in[first])
			continue;
		before = text;
		text = first == last ?
			       xasprintf("%s%s%zu", before, *before ? "," : "", first) :
			       xasprintf("%s%s%zu-%zu", before, *before ? "," : "", first,
					 last);
	}
	free(in);
	return text;
}

const struct function **pool_pfs(const struct pool *pool, size_t *ret_n)
{
	const struct function **pfs = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < pool->n; i++) {
		const struct function *pf = pool->items[i]->pf;
		bool seen = !pf;

		for (size_t j = 0; j < *ret_n; j++)
			seen |= pfs[j] == pf;
		if (!seen)
			*array_add(pfs, *ret_n) = pf;
	}
	return pfs;
}

/* The words of sriov-cni's types.go, as rtnetlink numbers them. */
static void put_value(struct document *map, const char *name, enum vf_key key,
		      uint64_t value)
{
	static const char *const states[] = { "auto", "enable", "disable" };

	switch (key) {
	case VF_SPOOF_CHECK:
	case VF_TRUST:
		document_put_string(map, name, value ? "on" : "off");
		break;
	case VF_LINK_STATE:
		document_put_string(map, name, states[value % ARRAY_SIZE(states)]);
		break;
	case VF_VLAN_PROTO:
		document_put_string(map, name, value == 0x88a8 ? "802.1ad" : "802.1q");
		break;
	default:
		document_put_number(map, name, (long)value);
	}
}

void pool_put_values(struct document *map, const struct pool *pool,
		     const char *const key_names[N_VF_KEYS])
{
	const struct vf_values *values = &pool->values;
	bool vlan = vf_knows(values, VF_VLAN) && values->value[VF_VLAN];

	document_put_number(map, key_names[VF_VLAN],
			    vlan ? (long)values->value[VF_VLAN] : 0);
	for (int key = 0; key < N_VF_KEYS; key++) {
		/* both need a VLAN: pkg/config/config.go */
		if ((key == VF_QOS || key == VF_VLAN_PROTO) && !vlan)
			continue;
		if (key != VF_VLAN && key_names[key] && vf_knows(values, key))
			put_value(map, key_names[key], key, values->value[key]);
	}
}
