#include "promise.h"

#include "plan.h"

#include <fcntl.h>

#define DEVICES "sys/bus/pci/devices"

static unsigned read_number(const struct root *root, const char *address,
			    const char *name)
{
	unsigned long value = 0;

	root_read_unsigned(root, &value, DEVICES "/%s/%s", address, name);
	return (unsigned)value;
}

static unsigned count_vfs(const struct root *root, const char *address)
{
	unsigned n = 0;

	while (root_exists(root, DEVICES "/%s/virtfn%u", address, n))
		n++;
	return n;
}

static bool has_mac(const struct root *root, const char *address, const char *mac)
{
	struct strings names = {};
	bool found = false;

	root_list(root, &names, DEVICES "/%s/net", address);
	for (size_t i = 0; i < names.n && !found; i++) {
		_cleanup_free_ char *text = NULL;

		root_read(root, &text, DEVICES "/%s/net/%s/address", address,
			  names.items[i]);
		found = streq(text, mac);
	}
	strings_done(&names);
	return found;
}

static bool is_in_slot(const struct root *root, const char *address, const char *slot)
{
	_cleanup_free_ char *text = NULL;

	return root_read(root, &text, "sys/bus/pci/slots/%s/address", slot) == 0 &&
	       startswith(address, text);
}

/* The capability stands first in the machines' config space. */
static bool has_serial(const struct root *root, const char *address, const char *serial)
{
	_cleanup_close_ int fd =
		root_openat(root, O_RDONLY, DEVICES "/%s/config", address);
	unsigned char b[8];
	char text[32];

	if (fd < 0 || pread(fd, b, 8, 0x104) != 8)
		return false;
	snprintf(text, sizeof(text), "%02x-%02x-%02x-%02x-%02x-%02x-%02x-%02x", b[7],
		 b[6], b[5], b[4], b[3], b[2], b[1], b[0]);
	return streq(text, serial);
}

static bool fits(const struct root *root, const struct match *m, const struct view *v)
{
	return (!m->address || streq(m->address, v->address)) &&
	       (m->vendor < 0 ||
		((unsigned)m->vendor == v->vendor && (unsigned)m->device == v->device)) &&
	       (!m->driver || streq(m->driver, v->driver)) &&
	       (!m->interface ||
		root_exists(root, DEVICES "/%s/net/%s", v->address, m->interface)) &&
	       (!m->mac || has_mac(root, v->address, m->mac)) &&
	       (!m->slot || is_in_slot(root, v->address, m->slot)) &&
	       (!m->serial || has_serial(root, v->address, m->serial));
}

/* The first rule that matches governs; a VF is its PF's. */
static void find_rules(const struct root *root, const struct config *config,
		       struct view *v)
{
	for (size_t i = 0; i < config->n_pfs && v->total && !v->pf_rule; i++)
		if (fits(root, &config->pfs[i].match, v))
			v->pf_rule = &config->pfs[i];
	for (size_t i = 0; i < config->n_devices && !v->device_rule; i++)
		if (!v->pf && !v->pf_rule && fits(root, &config->devices[i].match, v))
			v->device_rule = &config->devices[i];
}

struct views views_read(const struct root *root, const struct config *config)
{
	struct strings addresses = {};
	struct views views = {};

	root_list(root, &addresses, DEVICES);
	for (size_t i = 0; i < addresses.n; i++) {
		struct view *v = array_add(views.items, views.n);
		const char *address = addresses.items[i];

		v->address = xstrdup(address);
		root_link_name(root, &v->driver, DEVICES "/%s/driver", address);
		root_link_name(root, &v->pf, DEVICES "/%s/physfn", address);
		root_link_name(root, &v->group, DEVICES "/%s/iommu_group", address);
		root_read(root, &v->override, DEVICES "/%s/driver_override", address);
		v->vendor = read_number(root, address, "vendor");
		v->device = read_number(root, address, "device");
		v->vfs = count_vfs(root, address);
		v->total = read_number(root, address, "sriov_totalvfs");
		v->offset = read_number(root, address, "sriov_offset");
		v->stride = read_number(root, address, "sriov_stride");
		v->autoprobe = read_number(root, address, "sriov_drivers_autoprobe");
		find_rules(root, config, v);
	}
	strings_done(&addresses);
	return views;
}

void views_done(struct views *views)
{
	for (size_t i = 0; i < views->n; i++) {
		free(views->items[i].address);
		free(views->items[i].driver);
		free(views->items[i].override);
		free(views->items[i].group);
		free(views->items[i].pf);
	}
	free(views->items);
	*views = (struct views){};
}

const struct view *views_find(const struct views *views, const char *address)
{
	for (size_t i = 0; i < views->n; i++)
		if (streq(views->items[i].address, address))
			return &views->items[i];
	return NULL;
}

void trial_run(struct trial *trial, struct host *host, struct config *config,
	       const char *device)
{
	struct strings earlier = host_audit(host);

	strings_done(&earlier);
	config->gentle = !host->by_hand;
	*trial = (struct trial){ .host = host, .config = config, .device = device };
	if (system_observe(&trial->system, &host->root, config) < 0)
		abort();
	trial->before = views_read(&host->root, config);
	trial->status = host_apply(host, config, device, &trial->said);
	trial->audit = host_audit(host);
	trial->after = views_read(&host->root, config);
}

void trial_done(struct trial *trial)
{
	system_done(&trial->system);
	views_done(&trial->before);
	views_done(&trial->after);
	strings_done(&trial->audit);
	free(trial->said);
	*trial = (struct trial){};
}

static const struct function *find_function(const struct trial *trial,
					    const char *address)
{
	for (size_t i = 0; i < trial->system.n_functions; i++)
		if (streq(trial->system.functions[i].address, address))
			return &trial->system.functions[i];
	return NULL;
}

static bool is_asked_for(const struct trial *trial, const struct view *v)
{
	return !trial->device || streq(trial->device, v->address);
}

/* The rule of a PF, by its address; NULL: it is none, or has none. */
static const struct pf_rule *governing(const struct trial *trial, const char *address)
{
	const struct view *v = views_find(&trial->before, address);

	return v && is_asked_for(trial, v) ? v->pf_rule : NULL;
}

static unsigned routing_id(const char *address, unsigned *ret_domain)
{
	unsigned bus, device, function;

	if (sscanf(address, "%x:%x:%x.%x", ret_domain, &bus, &device, &function) != 4)
		return 0;
	return bus << 8 | device << 3 | function;
}

/* The PF of a VF's address, also of one that is not there yet or no more. */
static const struct view *owner(const struct trial *trial, const char *vf,
				unsigned *ret_index)
{
	unsigned domain, id = routing_id(vf, &domain);

	for (size_t i = 0; i < trial->before.n; i++) {
		const struct view *pf = &trial->before.items[i];
		unsigned pf_domain, first = routing_id(pf->address, &pf_domain);

		if (pf->total == 0 || pf_domain != domain || id < first + pf->offset)
			continue;
		*ret_index = (id - first - pf->offset) / pf->stride;
		if (id == first + pf->offset + pf->stride * *ret_index &&
		    *ret_index < pf->total)
			return pf;
	}
	return NULL;
}

/* Does a device of its IOMMU group take it along? */
static bool goes_along(const struct trial *trial, const struct view *v)
{
	for (size_t i = 0; i < trial->before.n; i++) {
		const struct view *other = &trial->before.items[i];

		if (other->device_rule && other->device_rule->whole_group &&
		    streq(other->group, v->group) && is_asked_for(trial, other))
			return true;
	}
	return false;
}

/* Does the config speak about this function, so that it may be touched? */
static bool may_touch(const struct trial *trial, const char *address)
{
	const struct view *v;
	unsigned index;

	v = owner(trial, address, &index);
	if (v)
		return is_asked_for(trial, v) && v->pf_rule;
	v = views_find(&trial->before, address);
	if (v && is_asked_for(trial, v) && v->pf_rule && v->pf_rule->pf_driver)
		return true;
	return v && is_asked_for(trial, v) && (v->device_rule || goes_along(trial, v));
}

static bool may_make_mdevs(const struct trial *trial, const char *address)
{
	const struct view *v = views_find(&trial->before, address);

	for (size_t i = 0; v && i < trial->config->n_mdevs; i++)
		if (trial->config->mdevs[i].count &&
		    fits(&trial->host->root, &trial->config->mdevs[i].match, v))
			return true;
	return false;
}

static bool may_write_device(const struct trial *trial, const char *address,
			     const char *attribute, const char *value)
{
	const struct pf_rule *rule = governing(trial, address);
	const struct view *pf = views_find(&trial->before, address);

	if (streq(attribute, "driver_override"))
		return may_touch(trial, address);
	if (startswith(attribute, "mdev_supported_types/"))
		return may_make_mdevs(trial, address);
	if (!rule || rule->vfs == 0 || rule->vfs == VFS_UNSET)
		return false;
	if (streq(attribute, "sriov_numvfs"))
		return !streq(value, "0") && pf->vfs == 0;
	return streq(attribute, "sriov_drivers_autoprobe");
}

/* Who has just made VFs looks how many the driver says it made, where some are not there.
 */
static bool may_read_back(const struct trial *trial, const char *address,
			  const char *attribute)
{
	const struct pf_rule *rule = governing(trial, address);
	const struct view *pf = views_find(&trial->before, address);

	return rule && streq(attribute, "sriov_numvfs") && pf->vfs == 0 && rule->vfs != 0;
}

/* Unbinding waits for who has a device open in VFIO, and takes it from others. */
static bool may_unbind(const struct trial *trial, const char *driver, const char *address)
{
	const struct function *f = find_function(trial, address);

	return !strstr(driver, "vfio") && f && !f->in_use && may_touch(trial, address);
}

/* A line of the audit: "RESULT PATH VALUE", or "read PATH" of an attribute with a lock.
 */
static bool may_happen(const struct trial *trial, const char *line)
{
	char driver[64], address[32], attribute[64], value[4096] = "";

	if (sscanf(line, "%*s /devices/pci%*[0-9a-f:]/%31[^/]/%63s %4095s", address,
		   attribute, value) >= 2)
		return startswith(line, "read ") ?
			       may_read_back(trial, address, attribute) :
			       may_write_device(trial, address, attribute, value);
	if (sscanf(line, "%*s /bus/pci/drivers_probe %31s", address) == 1)
		return may_touch(trial, address);
	if (sscanf(line, "%*s /bus/pci/drivers/%63[^/]/%63s %31s", driver, attribute,
		   address) == 3)
		return streq(attribute, "bind")   ? may_touch(trial, address) :
		       streq(attribute, "unbind") ? may_unbind(trial, driver, address) :
						    false;
	return trial->config->kernel.unsafe_interrupts &&
	       strstr(line,
		      " /module/vfio_iommu_type1/parameters/allow_unsafe_interrupts ");
}

static char *writes_elsewhere(const struct trial *trial)
{
	for (size_t i = 0; i < trial->audit.n; i++)
		if (!may_happen(trial, trial->audit.items[i]))
			return xasprintf("must not happen: %s", trial->audit.items[i]);
	return NULL;
}

static char *changes_others(const struct trial *trial)
{
	for (size_t i = 0; i < trial->before.n; i++) {
		const struct view *old = &trial->before.items[i], *new;

		new = views_find(&trial->after, old->address);
		if (!new) /* somebody pulled it out: the product has no way to */
			continue;
		if (!may_touch(trial, old->address) &&
		    (!streq(old->driver, new->driver) ||
		     !streq(old->override, new->override)))
			return xasprintf(
				"%s goes from %s (%s) to %s (%s), no rule governs it",
				old->address, old->driver, old->override, new->driver,
				new->override);
		if (!governing(trial, old->address) && old->vfs != new->vfs)
			return xasprintf("the VFs of %s are changed", old->address);
	}
	return NULL;
}

static bool autoprobe_failed(const struct trial *trial, const char *address)
{
	for (size_t i = 0; i < trial->audit.n; i++) {
		const char *line = trial->audit.items[i];

		if (!startswith(line, "ok ") && strstr(line, address) &&
		    strstr(line, "/sriov_drivers_autoprobe "))
			return true;
	}
	return false;
}

/* Or as it was before an earlier run, whose write failed. */
static bool is_put_right(const struct trial *trial, const struct view *new)
{
	for (size_t i = 0; i < trial->system.n_functions; i++) {
		const struct function *f = &trial->system.functions[i];

		if (f->autoprobe_lost && streq(f->address, new->address))
			return f->autoprobe_was == new->autoprobe;
	}
	return false;
}

static char *leaves_autoprobe(const struct trial *trial)
{
	for (size_t i = 0; i < trial->before.n; i++) {
		const struct view *old = &trial->before.items[i], *new;

		new = views_find(&trial->after, old->address);
		if (new &&new->autoprobe != old->autoprobe && !is_put_right(trial, new) &&
		    !autoprobe_failed(trial, old->address))
			return xasprintf("sriov_drivers_autoprobe of %s stays %d",
					 old->address, new->autoprobe);
	}
	return NULL;
}

static bool is_on(const struct view *f, const char *driver)
{
	if (streq(driver, DRIVER_NATIVE))
		return !f->driver || !strstr(f->driver, "vfio");
	if (streq(driver, DRIVER_AUTO_VFIO)) /* module_best() of host.c */
		driver = f->vendor == 0x15b3 && f->device == 0x101e ? "mlx5_vfio_pci" :
								      DRIVER_VFIO;
	return streq(f->driver, streq(driver, DRIVER_NONE) ? NULL : driver);
}

static const char *said_driver(const struct pf_rule *rule, unsigned index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, index);

	return vf && vf->driver ? vf->driver : rule->driver;
}

static char *pf_unlike_rule(const struct trial *trial, const struct view *pf,
			    const struct pf_rule *rule)
{
	unsigned want = rule->vfs == VFS_MAX   ? pf->total :
			rule->vfs == VFS_UNSET ? 0 :
						 (unsigned)rule->vfs;

	if (pf->vfs < want)
		return xasprintf("%s has %u VFs", pf->address, pf->vfs);
	for (size_t i = 0; i < trial->after.n; i++) {
		const struct view *vf = &trial->after.items[i];
		unsigned index;

		if (streq(vf->pf, pf->address) && owner(trial, vf->address, &index) &&
		    !is_on(vf, said_driver(rule, index)))
			return xasprintf("%s is on %s", vf->address, vf->driver);
	}
	return NULL;
}

/* Success must mean what the config says. */
static char *lies_about_success(const struct trial *trial)
{
	for (size_t i = 0; trial->status == 0 && i < trial->after.n; i++) {
		const struct view *f = &trial->after.items[i];
		const struct pf_rule *rule = governing(trial, f->address);
		const struct view *before = views_find(&trial->before, f->address);
		char *why = rule ? pf_unlike_rule(trial, f, rule) : NULL;

		if (why)
			return why;
		if (before && before->device_rule && is_asked_for(trial, before) &&
		    !is_on(f, before->device_rule->driver))
			return xasprintf("%s is on %s", f->address, f->driver);
	}
	return NULL;
}

/* Each governed PF without its VFs, each device without its driver: named in a message.
 */
static char *fails_silently(const struct trial *trial)
{
	if (trial->status == 0)
		return NULL;
	if (!strstr(trial->said, "sriov-setup: "))
		return xasprintf("exit status %d without a message", trial->status);
	for (size_t i = 0; i < trial->after.n; i++) {
		const struct view *f = &trial->after.items[i];
		const struct pf_rule *rule = governing(trial, f->address);
		_cleanup_free_ char *why = rule ? pf_unlike_rule(trial, f, rule) : NULL;
		/* a VF is named by its PF and its number, or by its own address */
		_cleanup_free_ char *who = why ? xstrndup(why, strcspn(why, " ")) : NULL;

		if (why && !strstr(trial->said, f->address) && !strstr(trial->said, who))
			return xasprintf("not a word about it: %s in: %s", why,
					 trial->said);
	}
	return NULL;
}

static char *leaves_gate(const struct trial *trial)
{
	return root_exists(&trial->host->root, "run/sriov-setup/busy") ?
		       xstrdup("the udev rule stays gated off") :
		       NULL;
}

char *trial_broken(const struct trial *trial)
{
	static char *(*const promises[])(const struct trial *) = {
		leaves_gate,      writes_elsewhere,   changes_others,
		leaves_autoprobe, lies_about_success, fails_silently,
	};
	char *why = NULL;

	for (size_t i = 0; !why && i < ARRAY_SIZE(promises); i++)
		why = promises[i](trial);
	return why;
}

/* Is the line about this PF or one of its VFs? */
static bool concerns(const struct trial *trial, const char *line, const struct view *pf)
{
	const size_t length = strlen("0000:00:00.0");

	for (; line && strlen(line) >= length; line++) {
		_cleanup_free_ char *address = xstrndup(line, length);
		unsigned domain, index;

		if (streq(address, pf->address) ||
		    (routing_id(address, &domain) && owner(trial, address, &index) == pf))
			return true;
	}
	return false;
}

char *trial_untouched_by(const struct trial *trial, const char *line)
{
	for (size_t i = 0; i < trial->before.n; i++) {
		const struct view *old = &trial->before.items[i], *new;
		const struct pf_rule *rule = governing(trial, old->address);
		char *why;

		new = views_find(&trial->after, old->address);
		/* the count of one that has VFs is not changed */
		if (!rule || !new || concerns(trial, line, old) ||
		    (old->vfs && (int)old->vfs < rule->vfs))
			continue;
		why = pf_unlike_rule(trial, new, rule);
		if (why)
			return why;
	}
	return NULL;
}

/* How much the plan still has to do now. */
static size_t left_to_do(struct host *host, struct config *config)
{
	_cleanup_(system_done) struct system system = {};
	_cleanup_(plan_done) struct plan plan = {};
	size_t n = 0;

	if (system_observe(&system, &host->root, config) < 0)
		abort();
	plan = plan_make(config, &system);
	for (size_t i = 0; i < plan.n_actions; i++)
		n += plan.actions[i].when == NOW;
	return n;
}

char *trial_broken_twice(struct host *host, struct config *config)
{
	_cleanup_(trial_done) struct trial again = {};
	size_t left = left_to_do(host, config);

	if (left)
		return xasprintf("%zu actions are left", left);
	trial_run(&again, host, config, NULL);
	if (again.audit.n)
		return xasprintf("the second run writes: %s", again.audit.items[0]);
	return trial_broken(&again);
}
