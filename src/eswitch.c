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
