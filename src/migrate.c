#include "migrate.h"

#include "json.h"

#include <ctype.h>

/* Lines of sriov.conf that grow; nothing is in them before the first rule. */
struct lines {
	FILE *out;
	char *text;
	size_t size;
	const char *list; /* "pf", "device"; NULL: no list is open */
};

static void lines_open(struct lines *lines)
{
	*lines = (struct lines){};
	lines->out = open_memstream(&lines->text, &lines->size);
	if (!lines->out)
		abort();
}

static char *lines_close(struct lines *lines)
{
	if (lines->list)
		fputs(" );", lines->out);
	fclose(lines->out);
	return lines->text;
}

static bool is_plain(const char *s)
{
	return s && *s &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789:._-")] == '\0';
}

static bool is_address(const char *s)
{
	unsigned a, b, c, d;
	int n = 0;

	return sscanf(s, "%4x:%2x:%2x.%1x%n", &a, &b, &c, &d, &n) == 4 && n == 12 &&
	       !s[n];
}

/* Opens a rule of a list; false: the value is not to be quoted. */
static bool rule_open(struct lines *lines, const char *list, const char *key,
		      const char *value)
{
	if (!is_plain(value))
		return false;
	if (lines->list && !streq(lines->list, list))
		fputs(" );\n", lines->out);
	fputs(streq(lines->list, list) ? ", " : "", lines->out);
	if (!streq(lines->list, list))
		fprintf(lines->out, "%s = ( ", list);
	lines->list = list;
	fprintf(lines->out, "{ match = { %s = \"%s\"; };", key, value);
	return true;
}

static void rule_close(struct lines *lines)
{
	fputs(" }", lines->out);
}

static void native_rule(struct lines *lines, const char *key, const char *value,
			unsigned long vfs)
{
	if (!rule_open(lines, "pf", key, value))
		return;
	fprintf(lines->out, " vfs = %lu; driver = \"native\";", vfs);
	rule_close(lines);
}

/* The next line, without leading blanks, for the caller to free; NULL: the end. */
static char *next_line(const char **text)
{
	const char *at = *text;
	size_t n = strcspn(at, "\n");

	if (!*at)
		return NULL;
	*text = at + n + (at[n] == '\n');
	n -= strspn(at, " \t") < n ? strspn(at, " \t") : n;
	at += strspn(at, " \t");
	return strip_end(xstrndup(at, n));
}

static bool is_comment(const char *line)
{
	return *line == '#' || *line == ';';
}

/* ".../class/net/eno1/device/sriov_numvfs", ".../0000:01:00.0/sriov_numvfs" */
static void path_rule(struct lines *lines, const char *path, unsigned long vfs)
{
	_cleanup_free_ char *copy = xstrdup(path);
	char *part, *rest = copy, *before[2] = { (char *)"", (char *)"" };

	while ((part = strsep(&rest, "/"))) {
		if (startswith(part, "sriov_numvfs"))
			break;
		before[0] = before[1];
		before[1] = part;
	}
	if (!part)
		return;
	if (is_address(before[1]))
		native_rule(lines, "address", before[1], vfs);
	else if (streq(before[1], "device"))
		native_rule(lines, "interface", before[0], vfs);
}

/* All lines with the count: `number` finds in one where it is, and the path. */
static char *count_lines(const char *text,
			 bool (*number)(char *line, char **path, unsigned long *vfs))
{
	struct lines lines;
	bool about = false;
	char *line;

	lines_open(&lines);
	for (; (line = next_line(&text)); free(line)) {
		unsigned long vfs;
		char *path;

		if (is_comment(line) || !strstr(line, "sriov_numvfs"))
			continue;
		about = true;
		if (number(line, &path, &vfs))
			path_rule(&lines, path, vfs);
	}
	line = lines_close(&lines);
	if (about)
		return line;
	free(line);
	return NULL;
}

static bool sysfs_number(char *line, char **path, unsigned long *vfs)
{
	char *equals = strchr(line, '=');

	if (!equals)
		return false;
	*equals = '\0';
	*path = strip_end(line);
	return parse_unsigned(equals + 1 + strspn(equals + 1, " \t"), VFS_LIMIT, vfs) ==
	       0;
}

char *migrate_sysfs(const char *name, const char *text, const struct system *system)
{
	(void)name, (void)system;
	return count_lines(text, sysfs_number);
}

static bool script_number(char *line, char **path, unsigned long *vfs)
{
	char *echo = strstr(line, "echo "), *to = echo ? strchr(echo, '>') : NULL;
	size_t n;

	if (!to)
		return false;
	echo += strcspn(echo, "0123456789>");
	n = strspn(echo, "0123456789");
	*path = to + 1 + strspn(to + 1, " \t\"'");
	(*path)[strcspn(*path, " \t\"';&|")] = '\0';
	echo[n] = '\0';
	return parse_unsigned(echo, VFS_LIMIT, vfs) == 0;
}

char *migrate_script(const char *name, const char *text, const struct system *system)
{
	(void)name, (void)system;
	return count_lines(text, script_number);
}

/* The value of KEY=="…" or KEY="…", for the caller to free; NULL: none. */
static char *udev_value(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, "=");
	return *at == '"' ? xstrndup(at + 1, strcspn(at + 1, "\"")) : NULL;
}

static void udev_line(struct lines *lines, const char *line)
{
	static const char *const keys[] = {
		"KERNEL=",  "KERNELS=", "NAME=",
		"DRIVERS=", "DRIVER=",  "ENV{ID_NET_DRIVER}="
	};
	_cleanup_free_ char *number = udev_value(line, "sriov_numvfs}");
	unsigned long vfs;

	if (!number || parse_unsigned(number, VFS_LIMIT, &vfs) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *value = udev_value(line, keys[i]);

		if (!is_plain(value))
			continue;
		native_rule(lines,
			    is_address(value) ? "address" :
			    i < 3             ? "interface" :
						"driver",
			    value, vfs);
		return;
	}
}

char *migrate_udev(const char *name, const char *text, const struct system *system)
{
	struct lines lines;
	bool about = false;
	char *line;

	(void)name, (void)system;
	lines_open(&lines);
	for (; (line = next_line(&text)); free(line)) {
		if (is_comment(line) || !strstr(line, "sriov_numvfs"))
			continue;
		about = true;
		udev_line(&lines, line);
	}
	line = lines_close(&lines);
	if (about)
		return line;
	free(line);
	return NULL;
}

/* "options vfio-pci ids=8086:10ca,10de:1eb8": VFs are of a PF's rule */
static void id_rule(struct lines *lines, const char *id, const struct system *system)
{
	unsigned vendor, device;

	if (sscanf(id, "%4x:%4x", &vendor, &device) != 2)
		return;
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *pf = &system->functions[i];
		_cleanup_free_ char *own = NULL;

		if (!pf->total_vfs || pf->vendor != vendor || pf->vf_device != device)
			continue;
		own = xasprintf("%04x:%04x", pf->vendor, pf->device);
		rule_open(lines, "pf", "id", own);
		rule_close(lines);
		return;
	}
	if (rule_open(lines, "device", "id", id))
		rule_close(lines);
}

char *migrate_modprobe(const char *name, const char *text, const struct system *system)
{
	struct lines lines;
	bool about = false;
	char *line;

	lines_open(&lines);
	for (; (line = next_line(&text)); free(line)) {
		char *ids = strstr(line, "ids="), *id;

		if (!startswith(line, "options vfio") || !ids)
			continue;
		about = !streq(name, "sriov-setup.conf");
		ids += strlen("ids=");
		ids[strcspn(ids, " \t")] = '\0';
		while ((id = strsep(&ids, ",")))
			id_rule(&lines, id, system);
	}
	line = lines_close(&lines);
	if (about)
		return line;
	free(line);
	return NULL;
}

char *migrate_driverctl(const char *name, const char *text, const struct system *system)
{
	const char *address = name + (startswith(name, "pci-") ? strlen("pci-") : 0);
	struct lines lines;

	if (!is_address(address))
		return NULL;
	lines_open(&lines);
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];

		if (!streq(f->address, address) || f->pf == NONE || !is_plain(text))
			continue;
		rule_open(&lines, "pf", "address", system->functions[f->pf].address);
		fprintf(lines.out,
			" driver = \"native\"; vf = ( { index = \"%u\"; driver = \"%s\"; "
			"} );",
			f->vf_index, text);
		rule_close(&lines);
	}
	if (!lines.list && is_plain(text) && !streq(text, "none")) {
		rule_open(&lines, "device", "address", address);
		fprintf(lines.out, " driver = \"%s\";", text);
		rule_close(&lines);
	}
	return lines_close(&lines);
}

/* "key: value" or "key=value" at the beginning of a line; NULL: another key. */
static const char *value_of(const char *line, const char *key, char separator)
{
	size_t n = strlen(key);

	if (!startswith(line, key))
		return NULL;
	line += n + strspn(line + n, " \t");
	return *line == separator ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/* Without the quotes of YAML; the caller frees it. */
static char *unquote(const char *s)
{
	s += strspn(s, "\"'");
	return xstrndup(s, strcspn(s, "\"' \t#"));
}

/* One interface of netplan's. */
struct netplan {
	char *name, *mac, *count, *eswitch;
	size_t depth;  /* of its name's line */
	bool matching; /* below "match:", whose macaddress is not one to set */
	size_t match_depth;
};

static void netplan_flush(struct netplan *n, struct lines *lines)
{
	unsigned long vfs;

	if (n->count && parse_unsigned(n->count, VFS_LIMIT, &vfs) == 0 &&
	    rule_open(lines, "pf", n->mac ? "mac" : "interface",
		      n->mac ? n->mac : n->name)) {
		fprintf(lines->out, " vfs = %lu; driver = \"native\";", vfs);
		if (streq(n->eswitch, "switchdev"))
			fputs(" eswitch = \"switchdev\";", lines->out);
		rule_close(lines);
	}
	free(n->name);
	free(n->mac);
	free(n->count);
	free(n->eswitch);
	*n = (struct netplan){};
}

static void take(char **field, const char *value)
{
	if (value && !*field)
		*field = unquote(value);
}

/*
 * Block style, as all of netplan's own examples are: what is one level below "ethernets:"
 * is an interface. Of flow style only that it is there.
 */
char *migrate_netplan(const char *name, const char *text, const struct system *system)
{
	bool about = false, inside = false;
	size_t outer = 0;
	struct netplan n = {};
	struct lines lines;
	char *line, *all;

	(void)name, (void)system;
	lines_open(&lines);
	while (*text) {
		size_t depth = strspn(text, " ");

		line = next_line(&text);
		if (is_comment(line) || !*line)
			goto next;
		about |= strstr(line, "virtual-function-count") != NULL;
		if (inside && depth <= outer)
			inside = false;
		if (!inside || !n.name || depth <= n.depth)
			netplan_flush(&n, &lines);
		if (inside && !n.name) {
			n.name = xstrndup(line, strcspn(line, ":"));
			n.depth = depth;
		}
		if (startswith(line, "ethernets:")) {
			inside = true;
			outer = depth;
		}
		take(&n.count, value_of(line, "virtual-function-count", ':'));
		if (startswith(line, "match:")) {
			n.matching = true;
			n.match_depth = depth;
		} else if (n.matching && depth > n.match_depth)
			take(&n.mac, value_of(line, "macaddress", ':'));
		else
			n.matching = false;
		take(&n.eswitch, value_of(line, "embedded-switch-mode", ':'));
	next:
		free(line);
	}
	netplan_flush(&n, &lines);
	all = lines_close(&lines);
	if (about)
		return all;
	free(all);
	return NULL;
}

/* What NetworkManager and systemd call what we call otherwise; both say booleans alike.
 */
static const struct word {
	const char *theirs, *ours;
	enum { NUMBER, YES_NO, TEXT } kind;
} words[] = {
	{ "mac", "mac", TEXT },
	{ "MACAddress", "mac", TEXT },
	{ "spoof-check", "spoof_check", YES_NO },
	{ "MACSpoofCheck", "spoof_check", YES_NO },
	{ "trust", "trust", YES_NO },
	{ "Trust", "trust", YES_NO },
	{ "QueryReceiveSideScaling", "rss_query", YES_NO },
	{ "min-tx-rate", "min_tx_rate", NUMBER },
	{ "max-tx-rate", "max_tx_rate", NUMBER },
	{ "VLANId", "vlan", NUMBER },
	{ "QualityOfService", "qos", NUMBER },
};

static void put_word(FILE *out, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct word *w = &words[i];
		unsigned long number;

		if (!streq(w->theirs, key) || !is_plain(value))
			continue;
		if (w->kind == TEXT)
			fprintf(out, " %s = \"%s\";", w->ours, value);
		else if (w->kind == YES_NO)
			fprintf(out, " %s = %s;", w->ours,
				strchr("yYtT1", *value) || streq(value, "on") ? "true" :
										"false");
		else if (parse_unsigned(value, UINT32_MAX, &number) == 0)
			fprintf(out, " %s = %lu;", w->ours, number);
	}
	if (streq(key, "LinkState"))
		fprintf(out, " link_state = \"%s\";",
			streq(value, "auto")                          ? "auto" :
			strchr("yYtT1", *value) || streq(value, "on") ? "enable" :
									"disable");
	else if (streq(key, "VLANProtocol"))
		fprintf(out, " vlan_proto = \"%s\";",
			strstr(value, "ad") ? "802.1ad" : "802.1q");
}

/* "vlans=100.3.q": ID, priority, protocol; of several the first */
static void put_vlans(FILE *out, const char *value)
{
	unsigned id, qos = 0;
	char protocol[4] = "";

	if (sscanf(value, "%u.%u.%3[a-z]", &id, &qos, protocol) < 1)
		return;
	fprintf(out, " vlan = %u;", id);
	if (qos)
		fprintf(out, " qos = %u;", qos);
	if (streq(protocol, "ad"))
		fputs(" vlan_proto = \"802.1ad\";", out);
}

/* A file of sections, as it is read: the rule's parts, and its VFs. */
struct sections {
	char *key, *value; /* of the match */
	char *count;
	bool unbound;     /* no driver shall take the VFs */
	struct lines vfs; /* entries of vf = ( … ) */
	bool open;        /* an entry is not ended yet */
};

static void vf_open(struct sections *s, const char *index)
{
	if (s->open)
		fputs(" }, ", s->vfs.out);
	s->open = is_plain(index);
	if (s->open)
		fprintf(s->vfs.out, "{ index = \"%s\";", index);
}

static void set_match(struct sections *s, const char *key, const char *value)
{
	if (s->key || !value)
		return;
	s->key = xstrdup(key);
	s->value = xstrdup(value);
}

/* NULL where no count was said, "" where nobody knows for whom. */
static char *sections_close(struct sections *s)
{
	_cleanup_free_ char *entries = NULL;
	struct lines lines;
	unsigned long vfs;
	char *all;

	if (s->open)
		fputs(" }", s->vfs.out);
	entries = lines_close(&s->vfs);
	lines_open(&lines);
	if (s->count && parse_unsigned(s->count, VFS_LIMIT, &vfs) == 0 &&
	    rule_open(&lines, "pf", s->key ? s->key : "", s->value)) {
		fprintf(lines.out, " vfs = %lu; driver = \"%s\";", vfs,
			s->unbound ? DRIVER_NONE : DRIVER_NATIVE);
		if (*entries)
			fprintf(lines.out, " vf = ( %s );", entries);
		rule_close(&lines);
	}
	all = lines_close(&lines);
	if (!s->count) {
		free(all);
		all = NULL;
	}
	free(s->key);
	free(s->value);
	free(s->count);
	return all;
}

/* "vf.0=mac=… vlans=100 trust=true" */
static void keyfile_vf(struct sections *s, char *line)
{
	char *part, *rest = strchr(line, '=');

	*rest++ = '\0';
	vf_open(s, line + strlen("vf."));
	while (s->open && (part = strsep(&rest, " "))) {
		char *value = strchr(part, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (streq(part, "vlans"))
			put_vlans(s->vfs.out, value);
		else
			put_word(s->vfs.out, part, value);
	}
}

char *migrate_keyfile(const char *name, const char *text, const struct system *system)
{
	struct sections s = {};
	bool ours = false;
	char *line;

	(void)name, (void)system;
	lines_open(&s.vfs);
	for (; (line = next_line(&text)); free(line)) {
		if (*line == '[')
			ours = streq(line, "[sriov]");
		set_match(&s, "interface", value_of(line, "interface-name", '='));
		if (!ours)
			continue;
		take(&s.count, value_of(line, "total-vfs", '='));
		if (value_of(line, "autoprobe-drivers", '=') &&
		    strchr("f0", *value_of(line, "autoprobe-drivers", '=')))
			s.unbound = true;
		if (startswith(line, "vf.") && strchr(line, '='))
			keyfile_vf(&s, line);
	}
	return sections_close(&s);
}

/* [Match], whose MACAddress= is the device's; [SR-IOV], where it is the VF's. */
static void link_line(struct sections *s, const char *section, char *line)
{
	const char *path = value_of(line, "Path", '=');
	char *value = strchr(line, '=');

	if (streq(section, "[Match]")) {
		set_match(s, "mac", value_of(line, "MACAddress", '='));
		set_match(s, "mac", value_of(line, "PermanentMACAddress", '='));
		set_match(s, "interface", value_of(line, "OriginalName", '='));
		set_match(s, "driver", value_of(line, "Driver", '='));
		set_match(s, "address",
			  path && startswith(path, "pci-") ? path + strlen("pci-") :
							     NULL);
	} else if (streq(section, "[Link]"))
		take(&s->count, value_of(line, "SR-IOVVirtualFunctions", '='));
	else if (streq(section, "[SR-IOV]") && value) {
		*value++ = '\0';
		if (streq(line, "VirtualFunction"))
			vf_open(s, value);
		else if (s->open)
			put_word(s->vfs.out, line, value);
	}
}

char *migrate_link(const char *name, const char *text, const struct system *system)
{
	_cleanup_free_ char *section = NULL;
	struct sections s = {};
	char *line;

	(void)name, (void)system;
	lines_open(&s.vfs);
	for (; (line = next_line(&text)); free(line)) {
		if (*line == '[') {
			free(section);
			section = xstrdup(line);
		} else if (section && !is_comment(line))
			link_line(&s, section, line);
	}
	return sections_close(&s);
}

static void operator_groups(FILE *out, const struct document *groups)
{
	const char *separator = " vf = ( ";

	for (size_t i = 0; groups && i < groups->n; i++) {
		const char *range = document_text(groups->items[i], "vfRange"),
			   *type = document_text(groups->items[i], "deviceType"),
			   *hash = range ? strchr(range, '#') : NULL;

		range = hash ? hash + 1 : range;
		if (!is_plain(range) || !streq(type, "vfio-pci"))
			continue;
		fprintf(out, "%s{ index = \"%s\"; driver = \"vfio-pci\"; }", separator,
			range);
		separator = ", ";
	}
	if (*separator == ',')
		fputs(" );", out);
}

/* api/v1's Interface. Resources stay the operator's: it has its own names for them. */
char *migrate_operator(const char *name, const char *text, const struct system *system)
{
	_cleanup_(document_free) struct document *record = NULL;
	const struct document *count;
	const char *address, *fault;
	struct lines lines;

	(void)system;
	if (!is_address(name))
		return NULL;
	lines_open(&lines);
	if (json_parse(text, &record, &fault) < 0 || record->kind != DOCUMENT_MAP)
		return lines_close(&lines);
	address = document_text(record, "pciAddress");
	count = document_at(record, (const char *const[]){ "numVfs", NULL });
	if (count && count->kind == DOCUMENT_NUMBER &&
	    rule_open(&lines, "pf", "address", address)) {
		const char *mode = document_text(record, "eSwitchMode");

		fprintf(lines.out, " vfs = %s; driver = \"native\";", count->text);
		if (streq(mode, "switchdev"))
			fputs(" eswitch = \"switchdev\";", lines.out);
		operator_groups(
			lines.out,
			document_at(record, (const char *const[]){ "vfGroups", NULL }));
		rule_close(&lines);
	}
	return lines_close(&lines);
}
