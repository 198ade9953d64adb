#include "eswitch.h"

static const struct row {
	const char *name;
	const char *words[5]; /* by the kernel's number */
	const char *expected;
} rows[N_ESWITCH_KEYS] = {
	[ESWITCH_MODE] = { "eswitch",
			   { "legacy", "switchdev" },
			   "\"legacy\" or \"switchdev\"" },
	[ESWITCH_INLINE] = { "eswitch_inline",
			     { "none", "link", "network", "transport" },
			     "\"none\", \"link\", \"network\" or \"transport\"" },
	[ESWITCH_ENCAP] = { "eswitch_encap",
			    { "none", "basic" },
			    "\"none\" or \"basic\"" },
};

static const struct driver {
	const char *name;
	enum eswitch_order order;
} drivers[] = {
	/* ice_eswitch_mode_set(): "only if there is no VFs created" */
	{ "ice", ESWITCH_NO_VFS },
	/* "bad resource state" while VFs are bound: sriov-network-operator #1015; without
	 * VFs it works too: one-deploy #214 */
	{ "mlx5_core", ESWITCH_UNBOUND_VFS },
	/* bnxt_dl_eswitch_mode_set() makes the representors of the VFs that there are */
	{ "bnxt_en", ESWITCH_ANY_TIME },
};

const char *eswitch_name(enum eswitch_key key)
{
	return rows[key].name;
}

enum eswitch_key eswitch_find(const char *name)
{
	int key = 0;

	while (key < N_ESWITCH_KEYS && !streq(rows[key].name, name))
		key++;
	return (enum eswitch_key)key;
}

unsigned eswitch_parse(enum eswitch_key key, const char *word, const char **ret_expected)
{
	*ret_expected = rows[key].expected;
	for (unsigned i = 0; rows[key].words[i]; i++)
		if (streq(rows[key].words[i], word))
			return i + 1;
	return 0;
}

const char *eswitch_word(enum eswitch_key key, unsigned value)
{
	return value == 0 || value >= ARRAY_SIZE(rows[key].words) ||
			       !rows[key].words[value - 1] ?
		       "unknown" :
		       rows[key].words[value - 1];
}

enum eswitch_order eswitch_order(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (streq(drivers[i].name, driver))
			return drivers[i].order;
	return ESWITCH_NO_VFS;
}
