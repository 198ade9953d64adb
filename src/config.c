#include "config.h"

#include "config-fields.h"
#include "config-text.h"
#include "log.h"

#include <libconfig.h>

/* One file that is being read. */
struct reader {
	const char *file; /* borrowed from config.files */
	size_t mistakes;
};

static void mistake_at(struct reader *reader, int line, char *text)
{
	log_config(reader->file, line, "%s", text);
	reader->mistakes++;
	free(text);
}

static void mistake(struct reader *reader, const config_setting_t *setting, char *text)
{
	mistake_at(reader, setting ? (int)config_setting_source_line(setting) : 0, text);
}

static struct where where_of(const struct reader *reader, const config_setting_t *setting)
{
	return (struct where){ reader->file, (int)config_setting_source_line(setting) };
}

static const char *name_of(const config_setting_t *setting)
{
	const config_setting_t *list = config_setting_parent(setting);
	const char *name = config_setting_name(setting);

	if (!name && list) /* pf = ( { … } ) */
		name = config_setting_name(list);
	return name ? name : "value";
}

/* Each takes one setting into the field; it reports what it does not like. */
typedef void key_reader(struct reader *reader, const config_setting_t *setting,
			void *field);

struct key {
	const char *name;
	key_reader *read;
	size_t offset;
};

static void read_bool(struct reader *reader, const config_setting_t *setting, void *field)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		mistake(reader, setting,
			xasprintf("%s is no boolean, expected true or false",
				  name_of(setting)));
	else
		*(bool *)field = config_setting_get_bool(setting);
}

/* The text of a string setting, or NULL and a mistake. */
static const char *string_of(struct reader *reader, const config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return config_setting_get_string(setting);
	mistake(reader, setting,
		xasprintf("%s is no string, expected text in quotes", name_of(setting)));
	return NULL;
}

/* A string that field_… from config-fields.c accepts and normalises. */
static void read_field(struct reader *reader, const config_setting_t *setting,
		       void *field, field_parser *parse)
{
	const char *text = string_of(reader, setting), *expected = NULL;
	char *value = NULL;

	if (!text)
		return;
	value = parse(text, &expected);
	if (!value) {
		_cleanup_free_ char *shown = field_printable(text);

		mistake(reader, setting,
			xasprintf("%s = \"%s\" is not valid, expected %s",
				  name_of(setting), shown, expected));
		return;
	}
	free(*(char **)field);
	*(char **)field = value;
}

#define FIELD_READER(function, parse)                                                \
	static void function(struct reader *reader, const config_setting_t *setting, \
			     void *field)                                            \
	{                                                                            \
		read_field(reader, setting, field, parse);                           \
	}

FIELD_READER(read_address, field_address)
FIELD_READER(read_interface, field_interface)
FIELD_READER(read_mac, field_mac)
FIELD_READER(read_driver, field_driver)
FIELD_READER(read_slot, field_text)
FIELD_READER(read_serial, field_serial)
FIELD_READER(read_resource, field_resource)
FIELD_READER(read_mdev_type, field_text)
FIELD_READER(read_size, field_hugepage_size)
FIELD_READER(read_bootloader, field_bootloader)
FIELD_READER(read_directory, field_directory)
FIELD_READER(read_node, field_node)
FIELD_READER(read_namespace, field_namespace)
FIELD_READER(read_attribute_name, field_attribute)
FIELD_READER(read_attribute_value, field_attribute_value)

static void read_id(struct reader *reader, const config_setting_t *setting, void *field)
{
	struct match *match = field;
	_cleanup_free_ char *id = NULL;

	read_field(reader, setting, &id, field_id);
	if (id)
		sscanf(id, "%4x:%4x", (unsigned *)&match->vendor,
		       (unsigned *)&match->device);
}

static void read_number(struct reader *reader, const config_setting_t *setting,
			unsigned max, void *field)
{
	int value;

	if (config_setting_type(setting) == CONFIG_TYPE_INT) {
		value = config_setting_get_int(setting);
		if (value >= 0 && (unsigned)value <= max) {
			*(int *)field = value;
			return;
		}
	}
	mistake(reader, setting,
		xasprintf("%s is out of range or no number, expected a whole number from "
			  "0 to %u",
			  name_of(setting), max));
}

static void read_count(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_number(reader, setting, 1000000, field);
}

static void read_vfs(struct reader *reader, const config_setting_t *setting, void *field)
{
	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		read_number(reader, setting, VFS_LIMIT, field);
	else if (streq(config_setting_get_string(setting), "max"))
		*(int *)field = VFS_MAX;
	else
		mistake(reader, setting,
			xasprintf("vfs is not valid, expected a whole number from 0 to "
				  "%d or \"max\"",
				  VFS_LIMIT));
}

/* One of a list of words; the enum's values are their positions. */
static void read_choice(struct reader *reader, const config_setting_t *setting,
			void *field, const char *const words[3])
{
	const char *text = string_of(reader, setting);

	for (int i = 0; text && i < 3; i++)
		if (streq(text, words[i])) {
			*(int *)field = i;
			return;
		}
	if (text)
		mistake(reader, setting,
			xasprintf("%s = \"%s\" is not known, expected \"%s\", \"%s\" or "
				  "\"%s\"",
				  name_of(setting), text, words[0], words[1], words[2]));
}

static void read_iommu(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_choice(reader, setting, field,
		    (const char *const[]){ "auto", "on", "leave" });
}

static void read_vfio_ids(struct reader *reader, const config_setting_t *setting,
			  void *field)
{
	read_choice(reader, setting, field,
		    (const char *const[]){ "safe", "none", "persistent" });
}

/* What was probably meant by a name that is not in the table, or else all that is. */
static char *key_hint(const struct key *keys, const char *name)
{
	_cleanup_free_ char *all = xstrdup("");
	struct strings names = {};
	const char *meant;
	char *hint;

	for (; keys->name; keys++) {
		char *more = xasprintf("%s%s%s", all, *all ? ", " : "", keys->name);

		free(all);
		all = more;
		strings_add(&names, keys->name);
	}
	meant = strings_nearest(&names, name);
	hint = meant ? xasprintf("did you mean '%s'?", meant) :
		       xasprintf("expected one of: %s", all);
	strings_done(&names);
	return hint;
}

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (streq(keys->name, name))
			return keys;
	return NULL;
}

/* Reads a group by its table of keys into the struct at `fields`. */
static void read_group(struct reader *reader, const config_setting_t *group,
		       const struct key *keys, void *fields)
{
	if (!config_setting_is_group(group)) {
		mistake(reader, group,
			xasprintf("%s is no group, expected { key = value; … }",
				  name_of(group)));
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting =
			config_setting_get_elem(group, (unsigned)i);
		const struct key *key = find_key(keys, config_setting_name(setting));
		_cleanup_free_ char *hint = NULL;

		if (key) {
			key->read(reader, setting, (char *)fields + key->offset);
			continue;
		}
		hint = key_hint(keys, config_setting_name(setting));
		mistake(reader, setting,
			xasprintf("unknown key '%s'%s%s, %s",
				  config_setting_name(setting),
				  config_setting_is_root(group) ? "" : " in ",
				  config_setting_is_root(group) ? "" : name_of(group),
				  hint));
	}
}

/* Calls `read` for each element of ( … ). */
static void read_list(struct reader *reader, const config_setting_t *list, void *fields,
		      key_reader *read)
{
	if (!config_setting_is_list(list)) {
		mistake(reader, list,
			xasprintf("%s is no list, expected ( { … }, { … } )",
				  name_of(list)));
		return;
	}
	for (int i = 0; i < config_setting_length(list); i++)
		read(reader, config_setting_get_elem(list, (unsigned)i), fields);
}

static const struct key match_keys[] = {
	{ "address", read_address, offsetof(struct match, address) },
	{ "interface", read_interface, offsetof(struct match, interface) },
	{ "mac", read_mac, offsetof(struct match, mac) },
	{ "id", read_id, 0 },
	{ "driver", read_driver, offsetof(struct match, driver) },
	{ "slot", read_slot, offsetof(struct match, slot) },
	{ "serial", read_serial, offsetof(struct match, serial) },
	{},
};

static void read_match(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_group(reader, setting, match_keys, field);
	if (config_setting_is_group(setting) && config_setting_length(setting) == 0)
		mistake(reader, setting,
			xasprintf("match is empty, expected at least one of: address, "
				  "interface, mac, id, driver, slot, serial"));
}

/* A value of a VF, by the setting's name. */
static void read_vf_value(struct reader *reader, const config_setting_t *setting,
			  void *field)
{
	enum vf_key key = vf_key_find(name_of(setting));
	const char *text, *expected = NULL;
	size_t before = reader->mistakes;
	uint64_t value = 0;
	bool flag = false;
	int number = 0;

	switch (vf_key_kind(key)) {
	case VF_NUMBER:
		read_number(reader, setting, vf_key_max(key), &number);
		value = (uint64_t)number;
		break;
	case VF_BOOL:
		read_bool(reader, setting, &flag);
		value = flag;
		break;
	case VF_TEXT:
		text = string_of(reader, setting);
		if (text && vf_key_parse(key, text, &value, &expected) < 0) {
			_cleanup_free_ char *shown = field_printable(text);

			mistake(reader, setting,
				xasprintf("%s = \"%s\" is not valid, expected %s",
					  name_of(setting), shown, expected));
		}
	}
	if (reader->mistakes == before)
		vf_values_set(field, key, value);
}

#define VF_VALUE_KEYS(offset)                                                \
	{ "mac", read_vf_value, offset }, { "vlan", read_vf_value, offset }, \
		{ "qos", read_vf_value, offset },                            \
		{ "vlan_proto", read_vf_value, offset },                     \
		{ "min_tx_rate", read_vf_value, offset },                    \
		{ "max_tx_rate", read_vf_value, offset },                    \
		{ "spoof_check", read_vf_value, offset },                    \
		{ "trust", read_vf_value, offset },                          \
		{ "link_state", read_vf_value, offset },                     \
		{ "rss_query", read_vf_value, offset },                      \
		{ "node_guid", read_vf_value, offset },                      \
		{ "port_guid", read_vf_value, offset },                      \
	{                                                                    \
		"msix_count", read_vf_value, offset                          \
	}

static void check_vf_values(struct reader *reader, int line, const struct vf_values *own,
			    const struct vf_values *all, bool single)
{
	const char *fault = vf_values_fault(own, all, single);

	if (fault)
		mistake_at(reader, line, xstrdup(fault));
}

static void require(struct reader *reader, const config_setting_t *group, const char *key,
		    const char *what)
{
	if (config_setting_is_group(group) && !config_setting_get_member(group, key))
		mistake(reader, group,
			xasprintf("%s is missing, expected %s", key, what));
}

static const struct key attribute_keys[] = {
	{ "attribute", read_attribute_name, offsetof(struct attribute, name) },
	{ "value", read_attribute_value, offsetof(struct attribute, value) },
	{},
};

static void read_attribute(struct reader *reader, const config_setting_t *setting,
			   void *field)
{
	struct attributes *attributes = field;
	struct attribute attribute = { .where = where_of(reader, setting) };

	read_group(reader, setting, attribute_keys, &attribute);
	require(reader, setting, "attribute",
		"a file of the device: attribute = \"power/control\"");
	require(reader, setting, "value", "its content: value = \"on\"");
	*array_add(attributes->items, attributes->n) = attribute;
}

static void read_sysfs(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_list(reader, setting, field, read_attribute);
}

static struct attributes copy_attributes(const struct attributes *from)
{
	struct attributes copy = {};

	for (size_t i = 0; i < from->n; i++)
		*array_add(copy.items, copy.n) = (struct attribute){
			.where = from->items[i].where,
			.name = xstrdup(from->items[i].name),
			.value = xstrdup(from->items[i].value),
		};
	return copy;
}

static void attributes_done(struct attributes *attributes)
{
	for (size_t i = 0; i < attributes->n; i++) {
		free(attributes->items[i].name);
		free(attributes->items[i].value);
	}
	free(attributes->items);
}

static void read_advertise(struct reader *reader, const config_setting_t *setting,
			   void *field)
{
	static const char *const words[N_ADVERTISE] = { "auto", "kubevirt",
							"device-plugin", "libvirt",
							"claim" };
	const char *text = string_of(reader, setting);

	for (int i = 0; text && i < N_ADVERTISE; i++)
		if (streq(text, words[i])) {
			*(enum advertise *)field = (enum advertise)i;
			return;
		}
	if (text)
		mistake(reader, setting,
			xasprintf("advertise is not known, expected \"auto\", "
				  "\"kubevirt\", \"device-plugin\", \"libvirt\" or "
				  "\"claim\""));
}

/* "0-3,5": each range becomes a rule of its own; what is common is filled in by
 * read_vf_rule() */
struct vf_group {
	char *index, *driver, *resource;
	enum advertise advertise;
	struct vf_values values;
	struct attributes sysfs;
};

FIELD_READER(read_index, field_index)

static const struct key vf_keys[] = {
	{ "index", read_index, offsetof(struct vf_group, index) },
	{ "driver", read_driver, offsetof(struct vf_group, driver) },
	{ "resource", read_resource, offsetof(struct vf_group, resource) },
	{ "advertise", read_advertise, offsetof(struct vf_group, advertise) },
	{ "sysfs", read_sysfs, offsetof(struct vf_group, sysfs) },
	VF_VALUE_KEYS(offsetof(struct vf_group, values)),
	{},
};

static void add_range(struct reader *reader, const config_setting_t *setting,
		      struct pf_rule *rule, const struct vf_group *group, unsigned first,
		      unsigned last)
{
	for (size_t i = 0; i < rule->n_vf; i++)
		if (first <= rule->vf[i].last && last >= rule->vf[i].first)
			mistake(reader, setting,
				xasprintf("index %u-%u overlaps index %u-%u of line %d, "
					  "expected each VF once",
					  first, last, rule->vf[i].first,
					  rule->vf[i].last, rule->vf[i].where.line));
	*array_add(rule->vf, rule->n_vf) = (struct vf_rule){
		.where = where_of(reader, setting),
		.first = first,
		.last = last,
		.driver = xstrdup(group->driver),
		.resource = xstrdup(group->resource),
		.advertise = group->advertise,
		.values = group->values,
		.sysfs = copy_attributes(&group->sysfs),
	};
}

static void read_vf_rule(struct reader *reader, const config_setting_t *setting,
			 void *field)
{
	struct vf_group group = {};
	char *rest, *part;

	read_group(reader, setting, vf_keys, &group);
	if (!group.index && config_setting_is_group(setting) &&
	    !config_setting_get_member(setting, "index"))
		mistake(reader, setting,
			xasprintf(
				"index is missing, expected which VFs: index = \"0-3\""));
	for (rest = group.index; rest && (part = strsep(&rest, ","));) {
		unsigned first, last;

		if (sscanf(part, "%u-%u", &first, &last) == 1)
			last = first;
		add_range(reader, setting, field, &group, first, last);
	}
	free(group.index);
	free(group.driver);
	free(group.resource);
	attributes_done(&group.sysfs);
}

static void read_vf_list(struct reader *reader, const config_setting_t *setting,
			 void *field)
{
	read_list(reader, setting, field, read_vf_rule);
}

static void read_mtu(struct reader *reader, const config_setting_t *setting, void *field)
{
	int mtu = 0;

	/* ETH_MIN_MTU; the driver's own limit is the kernel's to tell */
	if (config_setting_type(setting) == CONFIG_TYPE_INT)
		mtu = config_setting_get_int(setting);
	if (mtu < 68 || mtu > 65535)
		mistake(reader, setting,
			xasprintf("mtu is not valid, expected a whole number from 68 to "
				  "65535"));
	else
		*(unsigned *)field = (unsigned)mtu;
}

static void read_eswitch(struct reader *reader, const config_setting_t *setting,
			 void *field)
{
	enum eswitch_key key = eswitch_find(name_of(setting));
	const char *text = string_of(reader, setting), *expected;
	unsigned value = text ? eswitch_parse(key, text, &expected) : 0;

	if (text && !value)
		mistake(reader, setting,
			xasprintf("%s is not known, expected %s", name_of(setting),
				  expected));
	((struct eswitch *)field)->value[key] = value;
}

static void read_link(struct reader *reader, const config_setting_t *setting, void *field)
{
	const char *text = string_of(reader, setting);

	if (streq(text, "up"))
		*(bool *)field = true;
	else if (text)
		mistake(reader, setting, xasprintf("link is not known, expected \"up\""));
}

static void read_share(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_number(reader, setting, 65535, field);
}

static const struct key nvme_keys[] = {
	{ "queues", read_share, offsetof(struct nvme_share, count[NVME_QUEUES]) },
	{ "interrupts", read_share, offsetof(struct nvme_share, count[NVME_INTERRUPTS]) },
	{},
};

/* Less than two queues (one is for administration) or no interrupt: it stays offline. */
static void read_nvme(struct reader *reader, const config_setting_t *setting, void *field)
{
	struct nvme_share *share = field;

	read_group(reader, setting, nvme_keys, share);
	if (share->count[NVME_QUEUES] < 2 || share->count[NVME_INTERRUPTS] < 1)
		mistake(reader, setting,
			xasprintf("nvme needs both, expected at least { queues = 2; "
				  "interrupts = 1; }"));
}

static const struct key pf_keys[] = {
	{ "match", read_match, offsetof(struct pf_rule, match) },
	{ "required", read_bool, offsetof(struct pf_rule, required) },
	{ "vfs", read_vfs, offsetof(struct pf_rule, vfs) },
	{ "pf_driver", read_driver, offsetof(struct pf_rule, pf_driver) },
	{ "driver", read_driver, offsetof(struct pf_rule, driver) },
	{ "resource", read_resource, offsetof(struct pf_rule, resource) },
	{ "advertise", read_advertise, offsetof(struct pf_rule, advertise) },
	{ "mtu", read_mtu, offsetof(struct pf_rule, mtu) },
	{ "link", read_link, offsetof(struct pf_rule, link_up) },
	{ "eswitch", read_eswitch, offsetof(struct pf_rule, eswitch) },
	{ "eswitch_inline", read_eswitch, offsetof(struct pf_rule, eswitch) },
	{ "eswitch_encap", read_eswitch, offsetof(struct pf_rule, eswitch) },
	{ "nvme", read_nvme, offsetof(struct pf_rule, nvme) },
	{ "sysfs", read_sysfs, offsetof(struct pf_rule, sysfs) },
	{ "vf", read_vf_list, 0 },
	VF_VALUE_KEYS(offsetof(struct pf_rule, values)),
	{},
};

static bool same_match(const struct match *a, const struct match *b)
{
	return streq(a->address, b->address) && streq(a->interface, b->interface) &&
	       streq(a->mac, b->mac) && a->vendor == b->vendor &&
	       a->device == b->device && streq(a->driver, b->driver) &&
	       streq(a->slot, b->slot) && streq(a->serial, b->serial);
}

#define MATCH_EXAMPLE \
	"for which device the rule is: match = { address = \"0000:01:00.0\"; }"

static void read_pf_rule(struct reader *reader, const config_setting_t *setting,
			 void *field)
{
	struct config *config = field;
	struct pf_rule rule = {
		.where = where_of(reader, setting),
		.match = { .vendor = -1, .device = -1 },
		.vfs = VFS_UNSET,
	};

	read_group(reader, setting, pf_keys, &rule);
	require(reader, setting, "match", MATCH_EXAMPLE);
	check_vf_values(reader, rule.where.line, &rule.values, &rule.values, false);
	if (rule.pf_driver &&
	    (!driver_is_chosen(rule.pf_driver) || streq(rule.pf_driver, DRIVER_NONE) ||
	     strstr(rule.pf_driver, "vfio")))
		mistake(reader, config_setting_get_member(setting, "pf_driver"),
			xasprintf("pf_driver = \"%s\" makes no VFs, expected the name of "
				  "a driver that does: \"pci-pf-stub\"",
				  rule.pf_driver));
	for (size_t i = 0; i < rule.n_vf; i++) {
		const struct vf_rule *vf = &rule.vf[i];
		const struct vf_values all = vf_values_merge(&vf->values, &rule.values);

		check_vf_values(reader, vf->where.line, &vf->values, &all,
				vf->first == vf->last);
		if (rule.vfs >= 0 && rule.vf[i].last >= (unsigned)rule.vfs)
			log_config(rule.vf[i].where.file, rule.vf[i].where.line,
				   "index %u is not made by vfs = %d, they are counted "
				   "from 0",
				   rule.vf[i].last, rule.vfs),
				reader->mistakes++;
	}
	for (size_t i = 0; i < config->n_pfs; i++)
		if (same_match(&rule.match, &config->pfs[i].match) &&
		    config->pfs[i].where.file == reader->file)
			mistake(reader, setting,
				xasprintf("the rule of line %d has the same match and "
					  "goes first, expected one rule",
					  config->pfs[i].where.line));
	*array_add(config->pfs, config->n_pfs) = rule;
}

static const struct key device_keys[] = {
	{ "match", read_match, offsetof(struct device_rule, match) },
	{ "required", read_bool, offsetof(struct device_rule, required) },
	{ "driver", read_driver, offsetof(struct device_rule, driver) },
	{ "whole_group", read_bool, offsetof(struct device_rule, whole_group) },
	{ "resource", read_resource, offsetof(struct device_rule, resource) },
	{ "advertise", read_advertise, offsetof(struct device_rule, advertise) },
	{},
};

static void read_device_rule(struct reader *reader, const config_setting_t *setting,
			     void *field)
{
	struct config *config = field;
	struct device_rule rule = { .where = where_of(reader, setting),
				    .match = { .vendor = -1, .device = -1 } };

	read_group(reader, setting, device_keys, &rule);
	require(reader, setting, "match", MATCH_EXAMPLE);
	if (streq(rule.driver, DRIVER_NATIVE) || streq(rule.driver, DRIVER_NONE))
		mistake(reader, setting,
			xasprintf("driver = \"%s\" is for VFs, expected \"vfio-pci\" or "
				  "the name "
				  "of a driver",
				  rule.driver));
	*array_add(config->devices, config->n_devices) = rule;
}

static const struct key mdev_keys[] = {
	{ "match", read_match, offsetof(struct mdev_rule, match) },
	{ "type", read_mdev_type, offsetof(struct mdev_rule, type) },
	{ "count", read_count, offsetof(struct mdev_rule, count) },
	{ "resource", read_resource, offsetof(struct mdev_rule, resource) },
	{},
};

static void read_mdev_rule(struct reader *reader, const config_setting_t *setting,
			   void *field)
{
	struct config *config = field;
	struct mdev_rule rule = { .where = where_of(reader, setting),
				  .match = { .vendor = -1, .device = -1 } };

	read_group(reader, setting, mdev_keys, &rule);
	require(reader, setting, "match", MATCH_EXAMPLE);
	require(reader, setting, "type", "the type's name: type = \"GRID T4-1Q\"");
	require(reader, setting, "resource",
		"a resource name: resource = \"nvidia.com/GRID_T4-1Q\"");
	*array_add(config->mdevs, config->n_mdevs) = rule;
}

static const struct key hugepage_keys[] = {
	{ "size", read_size, offsetof(struct hugepages, size) },
	{ "count", read_count, offsetof(struct hugepages, count) },
	{},
};

static void read_hugepage(struct reader *reader, const config_setting_t *setting,
			  void *field)
{
	struct kernel_config *kernel = field;
	struct hugepages pages = {};

	read_group(reader, setting, hugepage_keys, &pages);
	require(reader, setting, "size", "size = \"1G\"");
	require(reader, setting, "count", "how many: count = 16");
	*array_add(kernel->hugepages, kernel->n_hugepages) = pages;
}

static void read_hugepages(struct reader *reader, const config_setting_t *setting,
			   void *field)
{
	read_list(reader, setting, field, read_hugepage);
}

static void read_words(struct reader *reader, const config_setting_t *setting,
		       void *field, field_parser *parse)
{
	if (!config_setting_is_array(setting) && !config_setting_is_list(setting)) {
		mistake(reader, setting,
			xasprintf("%s is no array, expected [ \"word\", … ]",
				  name_of(setting)));
		return;
	}
	for (int i = 0; i < config_setting_length(setting); i++) {
		_cleanup_free_ char *word = NULL;

		read_field(reader, config_setting_get_elem(setting, (unsigned)i), &word,
			   parse);
		if (word)
			strings_add(field, word);
	}
}

static void read_extra(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_words(reader, setting, field, field_kernel_word);
}

static void read_blacklist(struct reader *reader, const config_setting_t *setting,
			   void *field)
{
	read_words(reader, setting, field, field_driver);
}

static const struct key signing_keys[] = {
	{ "key", read_directory, offsetof(struct signing_key, key) },
	{ "certificate", read_directory, offsetof(struct signing_key, certificate) },
	{},
};

static void read_signing_key(struct reader *reader, const config_setting_t *setting,
			     void *field)
{
	read_group(reader, setting, signing_keys, field);
	require(reader, setting, "key", "the private key's file: key = \"/…\"");
	require(reader, setting, "certificate",
		"the certificate's file: certificate = \"/…\"");
}

static const struct key kernel_keys[] = {
	{ "iommu", read_iommu, offsetof(struct kernel_config, iommu) },
	{ "passthrough", read_bool, offsetof(struct kernel_config, passthrough) },
	{ "pci_realloc", read_iommu, offsetof(struct kernel_config, pci_realloc) },
	{ "assign_busses", read_bool, offsetof(struct kernel_config, assign_busses) },
	{ "unsafe_interrupts", read_bool,
	  offsetof(struct kernel_config, unsafe_interrupts) },
	{ "hugepages", read_hugepages, 0 },
	{ "extra", read_extra, offsetof(struct kernel_config, extra) },
	{ "bootloader", read_bootloader, offsetof(struct kernel_config, bootloader) },
	{ "vfio_ids", read_vfio_ids, offsetof(struct kernel_config, vfio_ids) },
	{ "blacklist", read_blacklist, offsetof(struct kernel_config, blacklist) },
	{ "trial", read_bool, offsetof(struct kernel_config, trial) },
	{ "secure_boot", read_signing_key, offsetof(struct kernel_config, secure_boot) },
	{},
};

static void read_kernel(struct reader *reader, const config_setting_t *setting,
			void *field)
{
	struct kernel_config *kernel = field;

	kernel->where = where_of(reader, setting);
	read_group(reader, setting, kernel_keys, kernel);
	if (streq(kernel->bootloader, "auto")) {
		free(kernel->bootloader);
		kernel->bootloader = NULL;
	}
}

static const struct key export_keys[] = {
	{ "kubevirt", read_bool, offsetof(struct export_config, kubevirt) },
	{ "device_plugin", read_bool, offsetof(struct export_config, device_plugin) },
	{ "nad", read_bool, offsetof(struct export_config, nad) },
	{ "sriov_network", read_bool, offsetof(struct export_config, sriov_network) },
	{ "harvester", read_bool, offsetof(struct export_config, harvester) },
	{ "libvirt", read_bool, offsetof(struct export_config, libvirt) },
	{ "qemu", read_bool, offsetof(struct export_config, qemu) },
	{ "cdi", read_bool, offsetof(struct export_config, cdi) },
	{ "node", read_node, offsetof(struct export_config, node) },
	{ "namespace", read_namespace, offsetof(struct export_config, namespace) },
	{ "external_resource_provider", read_bool,
	  offsetof(struct export_config, external_resource_provider) },
	{ "dir", read_directory, offsetof(struct export_config, dir) },
	{},
};

static void read_export(struct reader *reader, const config_setting_t *setting,
			void *field)
{
	struct export_config *e = field;

	e->where = where_of(reader, setting);
	read_group(reader, setting, export_keys, e);
	e->kubevirt_said |= config_setting_get_member(setting, "kubevirt") != NULL;
	if (!e->kubevirt_said)
		e->kubevirt = !e->libvirt;
}

static void read_memlock(struct reader *reader, const config_setting_t *setting,
			 void *field)
{
	read_words(reader, setting, field, field_service);
}

static void read_pfs(struct reader *reader, const config_setting_t *setting, void *field)
{
	read_list(reader, setting, field, read_pf_rule);
}

static void read_devices(struct reader *reader, const config_setting_t *setting,
			 void *field)
{
	read_list(reader, setting, field, read_device_rule);
}

static void read_mdevs(struct reader *reader, const config_setting_t *setting,
		       void *field)
{
	read_list(reader, setting, field, read_mdev_rule);
}

static const struct key sections[] = {
	{ "kernel", read_kernel, offsetof(struct config, kernel) },
	{ "pf", read_pfs, 0 },
	{ "device", read_devices, 0 },
	{ "mdev", read_mdevs, 0 },
	{ "export", read_export, offsetof(struct config, export) },
	{ "memlock", read_memlock, offsetof(struct config, memlock) },
	{},
};

static bool text_is_sound(struct reader *reader, const char *text)
{
	struct text_mistake *mistakes;
	size_t n = config_text_check(text, &mistakes);

	for (size_t i = 0; i < n; i++)
		mistake_at(reader, mistakes[i].line, mistakes[i].text);
	free(mistakes);
	return n == 0;
}

size_t config_parse(struct config *config, const char *file, const char *text)
{
	struct reader reader = { .file = file };
	config_t parsed;

	if (!text_is_sound(&reader, text))
		return reader.mistakes;
	config_init(&parsed);
	if (config_read_string(&parsed, text) == CONFIG_TRUE)
		read_group(&reader, config_root_setting(&parsed), sections, config);
	else
		mistake_at(&reader, config_error_line(&parsed),
			   xasprintf("%s, expected key = value;",
				     config_error_text(&parsed)));
	config_destroy(&parsed);
	return reader.mistakes;
}

static void match_done(struct match *match)
{
	free(match->address);
	free(match->interface);
	free(match->mac);
	free(match->driver);
	free(match->slot);
	free(match->serial);
}

static void pf_rule_done(struct pf_rule *rule)
{
	for (size_t i = 0; i < rule->n_vf; i++) {
		free(rule->vf[i].driver);
		free(rule->vf[i].resource);
		attributes_done(&rule->vf[i].sysfs);
	}
	free(rule->vf);
	attributes_done(&rule->sysfs);
	match_done(&rule->match);
	free(rule->pf_driver);
	free(rule->driver);
	free(rule->resource);
}

void config_done(struct config *config)
{
	for (size_t i = 0; i < config->n_pfs; i++)
		pf_rule_done(&config->pfs[i]);
	for (size_t i = 0; i < config->n_devices; i++) {
		match_done(&config->devices[i].match);
		free(config->devices[i].driver);
		free(config->devices[i].resource);
	}
	for (size_t i = 0; i < config->n_mdevs; i++) {
		match_done(&config->mdevs[i].match);
		free(config->mdevs[i].type);
		free(config->mdevs[i].resource);
	}
	for (size_t i = 0; i < config->kernel.n_hugepages; i++)
		free(config->kernel.hugepages[i].size);
	free(config->pfs);
	free(config->devices);
	free(config->mdevs);
	free(config->kernel.hugepages);
	strings_done(&config->kernel.extra);
	strings_done(&config->kernel.blacklist);
	strings_done(&config->force_in_use);
	free(config->kernel.bootloader);
	free(config->kernel.secure_boot.key);
	free(config->kernel.secure_boot.certificate);
	free(config->export.dir);
	free(config->export.node);
	free(config->export.namespace);
	strings_done(&config->memlock);
	strings_done(&config->files);
	*config = (struct config){};
}
