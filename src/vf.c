#include "vf.h"

#include <ctype.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>

#define VLAN_GROUP (VF_BIT(VF_VLAN) | VF_BIT(VF_QOS) | VF_BIT(VF_VLAN_PROTO))
#define RATE_GROUP (VF_BIT(VF_MIN_TX_RATE) | VF_BIT(VF_MAX_TX_RATE))

struct choice {
	const char *word;
	uint64_t value;
};

static const struct choice protocols[] = { { "802.1q", ETH_P_8021Q },
					   { "802.1ad", ETH_P_8021AD },
					   {} };
static const struct choice link_states[] = { { "auto", IFLA_VF_LINK_STATE_AUTO },
					     { "enable", IFLA_VF_LINK_STATE_ENABLE },
					     { "disable", IFLA_VF_LINK_STATE_DISABLE },
					     {} };

static const struct row {
	const char *name;
	enum vf_kind kind;
	unsigned bytes; /* of an address, for VF_TEXT without choices */
	unsigned max;   /* of a number */
	unsigned group; /* 0: it stands alone */
	const struct choice *choices;
	const char *expected;
	const char *unit;
} rows[N_VF_KEYS] = {
	[VF_MAC] = { .name = "mac",
		     .kind = VF_TEXT,
		     .bytes = 6,
		     .expected = "\"stable\" or a unicast MAC address: "
				 "\"52:54:00:12:34:56\"" },
	[VF_VLAN] = { .name = "vlan", .max = 4094, .group = VLAN_GROUP },
	[VF_QOS] = { .name = "qos", .max = 7, .group = VLAN_GROUP },
	[VF_VLAN_PROTO] = { .name = "vlan_proto",
			    .kind = VF_TEXT,
			    .group = VLAN_GROUP,
			    .choices = protocols,
			    .expected = "\"802.1q\" or \"802.1ad\"" },
	[VF_MIN_TX_RATE] = { .name = "min_tx_rate",
			     .max = 10000000,
			     .group = RATE_GROUP,
			     .unit = " Mbit/s" },
	[VF_MAX_TX_RATE] = { .name = "max_tx_rate",
			     .max = 10000000,
			     .group = RATE_GROUP,
			     .unit = " Mbit/s" },
	[VF_SPOOF_CHECK] = { .name = "spoof_check", .kind = VF_BOOL },
	[VF_TRUST] = { .name = "trust", .kind = VF_BOOL },
	[VF_LINK_STATE] = { .name = "link_state",
			    .kind = VF_TEXT,
			    .choices = link_states,
			    .expected = "\"auto\", \"enable\" or \"disable\"" },
	[VF_RSS_QUERY] = { .name = "rss_query", .kind = VF_BOOL },
	[VF_NODE_GUID] = { .name = "node_guid",
			   .kind = VF_TEXT,
			   .bytes = 8,
			   .expected = "a GUID: \"00:11:22:33:44:55:66:77\"" },
	[VF_PORT_GUID] = { .name = "port_guid",
			   .kind = VF_TEXT,
			   .bytes = 8,
			   .expected = "a GUID: \"00:11:22:33:44:55:66:77\"" },
	[VF_MSIX_COUNT] = { .name = "msix_count", .max = 2048 },
};

enum vf_key vf_key_find(const char *name)
{
	int key = 0;

	while (key < N_VF_KEYS && !streq(rows[key].name, name))
		key++;
	return (enum vf_key)key;
}

const char *vf_key_name(enum vf_key key)
{
	return rows[key].name;
}

enum vf_kind vf_key_kind(enum vf_key key)
{
	return rows[key].kind;
}

unsigned vf_key_max(enum vf_key key)
{
	return rows[key].max;
}

unsigned vf_key_group(enum vf_key key)
{
	return rows[key].group ? rows[key].group : VF_BIT(key);
}

/* "aa:bb:…" of that many bytes, not all zero. */
static int parse_bytes(const char *text, unsigned bytes, uint64_t *ret)
{
	uint64_t value = 0;

	if (strlen(text) != bytes * 3 - 1)
		return -EINVAL;
	for (unsigned i = 0; i < bytes; i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) || (text[2] && text[2] != ':'))
			return -EINVAL;
		value = value << 8 | strtoul(text, NULL, 16);
	}
	*ret = value;
	return value ? 0 : -EINVAL;
}

int vf_key_parse(enum vf_key key, const char *text, uint64_t *ret,
		 const char **ret_expected)
{
	const struct row *row = &rows[key];

	*ret_expected = row->expected;
	if (key == VF_MAC && streq(text, "stable")) {
		*ret = VF_MAC_STABLE;
		return 0;
	}
	for (const struct choice *c = row->choices; c && c->word; c++)
		if (streq(c->word, text)) {
			*ret = c->value;
			return 0;
		}
	if (row->choices || parse_bytes(text, row->bytes, ret) < 0)
		return -EINVAL;
	return key == VF_MAC && *ret >> 40 & 1 ? -EINVAL : 0; /* multicast */
}

void vf_values_set(struct vf_values *values, enum vf_key key, uint64_t value)
{
	values->known |= VF_BIT(key);
	values->value[key] = value;
}

struct vf_values vf_values_merge(const struct vf_values *over,
				 const struct vf_values *under)
{
	struct vf_values all = *under;

	for (int key = 0; key < N_VF_KEYS; key++)
		if (vf_knows(over, (enum vf_key)key))
			vf_values_set(&all, (enum vf_key)key, over->value[key]);
	return all;
}

struct vf_values vf_values_only(const struct vf_values *values, unsigned mask)
{
	struct vf_values some = *values;

	some.known &= mask;
	return some;
}

bool vf_values_alike(const struct vf_values *a, const struct vf_values *b)
{
	const struct vf_values shared = vf_values_only(a, ~VF_UNIQUE);

	return a->known == b->known && vf_values_difference(&shared, b).known == 0;
}

struct vf_values vf_values_difference(const struct vf_values *wanted,
				      const struct vf_values *found)
{
	static const struct vf_values defaults = {
		.known = VLAN_GROUP | RATE_GROUP,
		.value[VF_VLAN_PROTO] = ETH_P_8021Q,
	};
	const struct vf_values rest = vf_values_merge(found, &defaults);
	const struct vf_values all = vf_values_merge(wanted, &rest);
	unsigned set = 0;

	for (int key = 0; key < N_VF_KEYS; key++)
		if (vf_knows(wanted, (enum vf_key)key) &&
		    (!vf_knows(found, (enum vf_key)key) ||
		     found->value[key] != wanted->value[key]))
			set |= vf_key_group((enum vf_key)key);
	return vf_values_only(&all, set);
}

const char *vf_values_fault(const struct vf_values *own, const struct vf_values *all,
			    bool single)
{
	bool shared = own->known & VF_UNIQUE & ~VF_BIT(VF_MAC) ||
		      (vf_knows(own, VF_MAC) && own->value[VF_MAC] != VF_MAC_STABLE);

	if (shared && !single)
		return "mac, node_guid and port_guid are for one VF, expected them in "
		       "vf = ( { index = \"0\"; … } ), or mac = \"stable\"";
	if (own->known & (VF_BIT(VF_QOS) | VF_BIT(VF_VLAN_PROTO)) &&
	    !vf_knows(all, VF_VLAN))
		return "qos or vlan_proto without vlan, expected vlan = 1 to 4094 too";
	if (vf_knows(all, VF_MIN_TX_RATE) && vf_knows(all, VF_MAX_TX_RATE) &&
	    all->value[VF_MAX_TX_RATE] &&
	    all->value[VF_MIN_TX_RATE] > all->value[VF_MAX_TX_RATE])
		return "min_tx_rate is above max_tx_rate, expected it to be at most that";
	return NULL;
}

static void print_value(FILE *out, const struct row *row, uint64_t value)
{
	if (row->kind == VF_BOOL) {
		fputs(value ? "on" : "off", out);
		return;
	}
	for (const struct choice *c = row->choices; c && c->word; c++)
		if (c->value == value) {
			fputs(c->word, out);
			return;
		}
	for (unsigned i = row->bytes; i > 0; i--)
		fprintf(out, "%02x%s", (unsigned)(value >> (i - 1) * 8 & 0xff),
			i > 1 ? ":" : "");
	if (!row->bytes)
		fprintf(out, "%llu%s", (unsigned long long)value,
			row->unit ? row->unit : "");
}

char *vf_values_text(const struct vf_values *values)
{
	const char *separator = "";
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (int key = 0; key < N_VF_KEYS; key++) {
		if (!vf_knows(values, (enum vf_key)key))
			continue;
		fprintf(out, "%s%s ", separator, rows[key].name);
		print_value(out, &rows[key], values->value[key]);
		separator = ", ";
	}
	fclose(out);
	return text;
}

uint64_t vf_stable_mac(uint64_t pf_mac, unsigned vf_index)
{
	uint64_t vendor = 0;

	for (int shift = 24; shift < 48; shift += 4)
		vendor ^= pf_mac >> shift & 0xf;
	return vendor << 44 | 0x2ull << 40 | (pf_mac & 0xffffff) << 16 |
	       (vf_index & 0xffff);
}
