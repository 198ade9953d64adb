#include "plan.h"

#include "modprobe.h"

#include <errno.h>
#include <stdarg.h>
#include <syslog.h>

/* A MAC address that a VF is to get. */
struct wanted_mac {
	uint64_t mac;
	const struct function *pf;
	unsigned vf;
};

/* One run of the planner: what it reads, what it fills. */
struct planner {
	const struct config *config;
	const struct system *system;
	struct plan plan;
	struct strings drivers; /* vfio drivers that something is to be bound to */
	struct wanted_mac *macs;
	size_t n_macs;
};

/* One PF and the rule that governs it. */
struct task {
	struct planner *planner;
	const struct pf_rule *rule;
	const struct function *pf;
};

static struct action *add(struct planner *p, enum verb verb, const struct function *f,
			  int vf, const char *name, const char *value, struct where where)
{
	struct action *a = array_add(p->plan.actions, p->plan.n_actions);

	*a = (struct action){
		.verb = verb,
		.function = f ? xstrdup(f->address) : NULL,
		.vf = vf,
		.name = xstrdup(name),
		.value = xstrdup(value),
		.where = where,
	};
	return a;
}

static void problem(struct planner *p, int level, const struct function *f,
		    struct where where, const char *format, ...) PRINTF(5, 6);

static void problem(struct planner *p, int level, const struct function *f,
		    struct where where, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	*array_add(p->plan.problems, p->plan.n_problems) = (struct problem){
		.level = level,
		.pci = f ? xstrdup(f->address) : NULL,
		.pf = f && f->pf != NONE ? xstrdup(p->system->functions[f->pf].address) :
					   NULL,
		.text = text,
		.where = where,
	};
}

int plan_pf_rule(const struct config *config, const struct function *pf)
{
	const struct pf_rule *rule = system_pf_rule(config, pf);

	return rule ? (int)(rule - config->pfs) : NONE;
}

int plan_device_rule(const struct config *config, const struct function *function)
{
	if (function->pf != NONE)
		return NONE;
	for (size_t i = 0; i < config->n_devices; i++)
		if (match_agrees(&config->devices[i].match, function))
			return (int)i;
	return NONE;
}

const char *pf_rule_driver(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return vf && vf->driver ? vf->driver : rule->driver;
}

const char *pf_rule_resource(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return vf && vf->resource ? vf->resource : rule->resource;
}

static struct where vf_where(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return vf ? vf->where : rule->where;
}

static bool is_vfio(const char *driver)
{
	return driver && strstr(driver, "vfio") != NULL;
}

static bool is_named(const char *driver)
{
	return !streq(driver, DRIVER_NATIVE) && !streq(driver, DRIVER_NONE);
}

static void need_driver(struct planner *p, const char *driver)
{
	if (!strings_contain(&p->drivers, driver))
		strings_add(&p->drivers, driver);
}

static void bind_vf(struct task *t, unsigned i, const char *driver)
{
	struct action *a =
		add(t->planner, BIND, t->pf, (int)i, driver, NULL, vf_where(t->rule, i));

	a->why = xasprintf("%s wanted", driver);
	need_driver(t->planner, driver);
}

static void override_vf(struct task *t, unsigned i, const char *driver)
{
	add(t->planner, OVERRIDE, t->pf, (int)i, NULL, driver, vf_where(t->rule, i));
}

static void set_autoprobe(struct task *t, bool value, bool always, const char *why)
{
	struct action *a = add(t->planner, WRITE, t->pf, NONE, "sriov_drivers_autoprobe",
			       value ? "1" : "0", t->rule->where);

	a->always = always;
	a->why = xstrdup(why);
}

/* Where a MAC address is in use or asked for already; NULL: nowhere. The caller frees it.
 */
static char *mac_owner(const struct planner *p, uint64_t mac)
{
	const char *expected;
	uint64_t other;

	for (size_t i = 0; i < p->n_macs; i++)
		if (p->macs[i].mac == mac)
			return xasprintf("VF %u of %s", p->macs[i].vf,
					 p->macs[i].pf->address);
	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *f = &p->system->functions[i];

		for (size_t j = 0; f->pf == NONE && j < f->n_netdevs; j++)
			if (f->netdevs[j].mac &&
			    vf_key_parse(VF_MAC, f->netdevs[j].mac, &other, &expected) ==
				    0 &&
			    other == mac)
				return xasprintf("%s of %s", f->netdevs[j].name,
						 f->address);
	}
	return NULL;
}

/* Puts the address in place of "stable", and takes one away that must not be given. */
static void settle_mac(struct task *t, unsigned i, struct vf_values *wanted)
{
	struct planner *p = t->planner;
	uint64_t *mac = &wanted->value[VF_MAC];
	_cleanup_free_ char *owner = NULL, *text = NULL;
	const struct vf_values just_mac = vf_values_only(wanted, VF_BIT(VF_MAC));

	if (!vf_knows(wanted, VF_MAC) || !t->pf->link)
		return;
	if (*mac == VF_MAC_STABLE && !t->pf->link->permanent_mac) {
		problem(p, LOG_ERR, t->pf, vf_where(t->rule, i),
			"has no permanent MAC address, so VF %u cannot get a stable one",
			i);
		wanted->known &= ~VF_BIT(VF_MAC);
		return;
	}
	if (*mac == VF_MAC_STABLE)
		*mac = vf_stable_mac(t->pf->link->permanent_mac, i);
	owner = mac_owner(p, *mac);
	if (!owner) {
		*array_add(p->macs, p->n_macs) = (struct wanted_mac){ *mac, t->pf, i };
		return;
	}
	text = vf_values_text(&just_mac);
	problem(p, LOG_ERR, t->pf, vf_where(t->rule, i),
		"VF %u is not given %s: %s has it", i, text, owner);
	wanted->known &= ~VF_BIT(VF_MAC);
}

static void set_vf(struct task *t, unsigned i, const struct vf_values *values, char *why)
{
	struct action *a;

	if (!values->known) {
		free(why);
		return;
	}
	a = add(t->planner, SET_VF, t->pf, (int)i, NULL, NULL, vf_where(t->rule, i));
	a->values = *values;
	a->why = why;
}

static void write_attribute(struct task *t, int vf, const struct attribute *wanted,
			    const char *found)
{
	add(t->planner, WRITE, t->pf, vf, wanted->name, wanted->value, wanted->where)
		->why =
		found ? xasprintf("found %s", found) : xstrdup("it cannot be compared");
}

static const struct found_attribute *find_attribute(const struct function *f,
						    const char *name)
{
	for (size_t i = 0; i < f->n_sysfs; i++)
		if (streq(f->sysfs[i].name, name))
			return &f->sysfs[i];
	return NULL;
}

/* What is write-only cannot be compared: it is written when the VFs are made, and never
 * again. */
static void set_attributes(struct task *t, const struct function *f, int vf,
			   const struct attributes *wanted, bool making)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const struct attribute *want = &wanted->items[i];
		const struct found_attribute *found = find_attribute(f, want->name);

		if (!found)
			continue;
		if (found->error == -ENOENT || found->error == -ELOOP)
			problem(t->planner, LOG_ERR, f, want->where,
				"has no attribute %s%s", want->name,
				found->error == -ELOOP ?
					" of its own: a link leads elsewhere" :
					"");
		else if (found->value ? !streq(found->value, want->value) : making)
			write_attribute(t, vf, want, found->value);
	}
}

/* Why the eswitch cannot change now; NULL: it can. */
static const char *eswitch_obstacle(struct task *t)
{
	const struct function *pf = t->pf;
	enum eswitch_order order = eswitch_order(pf->driver);

	if (order == ESWITCH_NO_VFS && pf->n_vfs)
		return "its driver changes that only while there are no VFs: write 0 to "
		       "its sriov_numvfs when no VF is used, or reboot";
	for (size_t i = 0; order == ESWITCH_UNBOUND_VFS && i < pf->n_vfs; i++)
		if (pf->vfs[i] != NONE &&
		    t->planner->system->functions[pf->vfs[i]].driver)
			return "its driver changes that only while no VF has a driver: "
			       "stop their users, unbind them, or reboot";
	return NULL;
}

/* First of all: a change may make the PF's interface anew. Inline mode and encapsulation
 * may be told of in switchdev mode only. */
static void set_eswitch(struct task *t)
{
	const unsigned *want = t->rule->eswitch.value, *found = t->pf->eswitch.value;
	bool new_mode = want[ESWITCH_MODE] && want[ESWITCH_MODE] != found[ESWITCH_MODE];

	for (int i = 0; i < N_ESWITCH_KEYS; i++) {
		enum eswitch_key key = (enum eswitch_key)i;
		const char *name = eswitch_name(key), *word = eswitch_word(key, want[i]);
		const char *obstacle = eswitch_obstacle(t);

		if (!want[i] || want[i] == found[i])
			continue;
		if (!found[i] && (key == ESWITCH_MODE || !new_mode))
			obstacle = "it is not told, devlink dev eswitch show "
				   "may say why";
		if (obstacle)
			problem(t->planner, LOG_ERR, t->pf, t->rule->where,
				"%s = \"%s\" wanted, found %s; %s", name, word,
				eswitch_word(key, found[i]), obstacle);
		else
			add(t->planner, SET_ESWITCH, t->pf, NONE, name, word,
			    t->rule->where)
				->why =
				xasprintf("found %s", eswitch_word(key, found[i]));
	}
}

/* Before the VFs: bnxt_en makes none while the link is down, a VF's MTU is bounded by the
 * PF's. */
static void set_pf(struct task *t, bool making)
{
	const struct link *link = t->pf->link;
	const struct pf_rule *rule = t->rule;
	_cleanup_free_ char *mtu = xasprintf("%u", rule->mtu);

	if (link && rule->mtu && rule->mtu != link->mtu)
		add(t->planner, SET_LINK, t->pf, NONE, "mtu", mtu, rule->where)->why =
			xasprintf("found %u", link->mtu);
	if (link && rule->link_up && !link->up)
		add(t->planner, SET_LINK, t->pf, NONE, "link", "up", rule->where)->why =
			xstrdup("found down");
	set_attributes(t, t->pf, NONE, &rule->sysfs, making);
}

/* Must the VF be set up before its driver sees it? */
static bool vf_waits(const struct pf_rule *rule, unsigned i)
{
	const struct vf_rule *vf = pf_rule_vf(rule, i);

	return !streq(pf_rule_driver(rule, i), DRIVER_NATIVE) ||
	       pf_rule_values(rule, i).known || (vf && vf->sysfs.n);
}

/* All that is said of a VF that is being made: what it will have then is not known yet.
 */
static void set_new_vf(struct task *t, unsigned i)
{
	const struct vf_rule *vf = pf_rule_vf(t->rule, i);
	const struct vf_values nothing = {};
	struct vf_values wanted = pf_rule_values(t->rule, i);

	settle_mac(t, i, &wanted);
	wanted = vf_values_difference(&wanted, &nothing);
	set_vf(t, i, &wanted, NULL);
	for (size_t j = 0; vf && j < vf->sysfs.n; j++)
		write_attribute(t, (int)i, &vf->sysfs.items[j], NULL);
}

/* igb_ndo_set_vf_bw() compares with the link's speed; making VFs brought the link down.
 */
static bool wants_rates(const struct pf_rule *rule, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (pf_rule_values(rule, i).known & vf_key_group(VF_MAX_TX_RATE))
			return true;
	return false;
}

/*
 * The order of the lines is the order of the actions. A VF's driver probes inside the
 * sriov_numvfs write, so autoprobe is off while VFs appear; an override before autoprobe
 * comes back keeps native drivers off (pci_device_can_probe() lets only an override pass
 * before).
 */
static void create_vfs(struct task *t, unsigned want)
{
	bool named = false, native = false, autoprobe = t->pf->autoprobe;
	_cleanup_free_ char *count = xasprintf("%u", want);

	for (unsigned i = 0; i < want; i++) {
		const char *driver = pf_rule_driver(t->rule, i);

		native |= streq(driver, DRIVER_NATIVE);
		named |= vf_waits(t->rule, i);
	}
	if (autoprobe == named)
		set_autoprobe(t, !named, false,
			      named ? "VFs get their driver when they are set up" :
				      "VFs get their native driver");
	add(t->planner, CREATE_VFS, t->pf, NONE, NULL, count, t->rule->where)->why =
		xasprintf("%u VFs wanted, found none", want);
	for (unsigned i = 0; i < want; i++)
		if (!streq(pf_rule_driver(t->rule, i), DRIVER_NATIVE))
			override_vf(t, i, pf_rule_driver(t->rule, i));
	if (t->rule->link_up && wants_rates(t->rule, want))
		add(t->planner, SET_LINK, t->pf, NONE, "link", "running", t->rule->where)
			->why = xstrdup("rates are taken only then");
	for (unsigned i = 0; i < want; i++)
		set_new_vf(t, i);
	if (named && (autoprobe || native))
		set_autoprobe(t, true, true,
			      autoprobe ? "as it was" : "for the native VFs");
	for (unsigned i = 0; i < want; i++) {
		const char *driver = pf_rule_driver(t->rule, i);

		if (is_named(driver))
			bind_vf(t, i, driver);
		else if (named && streq(driver, DRIVER_NATIVE))
			add(t->planner, PROBE, t->pf, (int)i, NULL, NULL,
			    vf_where(t->rule, i))
				->why = xstrdup("native driver wanted");
	}
	if (native && !autoprobe)
		set_autoprobe(t, false, true, "as it was");
}

static void keep_vf(struct task *t, const struct function *vf, const char *driver)
{
	struct planner *p = t->planner;
	struct where where = vf_where(t->rule, vf->vf_index);

	if (is_vfio(vf->driver))
		problem(p, LOG_ERR, vf, where,
			"is bound to %s, %s wanted; a VM may hold it: stop its users, "
			"then unbind it",
			vf->driver, driver);
	else
		problem(p, LOG_ERR, vf, where,
			"is bound to %s, %s wanted; left alone because %s", vf->driver,
			driver, vf->in_use);
}

/*
 * What of an existing VF must be set. A value that its driver does not report cannot be
 * compared: it was set when the VF was made. `held`: its driver must not be taken away,
 * which those that are read while probing would need.
 */
static struct vf_values vf_changes(struct task *t, const struct function *vf, bool held)
{
	struct vf_values wanted = pf_rule_values(t->rule, vf->vf_index), late;
	_cleanup_free_ char *text = NULL;

	settle_mac(t, vf->vf_index, &wanted);
	wanted = vf_values_only(&wanted, vf->values.known);
	wanted = vf_values_difference(&wanted, &vf->values);
	late = vf_values_only(&wanted, VF_BEFORE_BIND);
	if (!held || !late.known)
		return wanted;
	text = vf_values_text(&late);
	problem(t->planner, LOG_ERR, vf, vf_where(t->rule, vf->vf_index),
		"%s wanted, which only reaches a driver that is bound afterwards; %s: "
		"stop "
		"its users, then unbind it from %s",
		text, vf->in_use ? vf->in_use : "a VM may hold it", vf->driver);
	return vf_values_only(&wanted, ~VF_BEFORE_BIND);
}

static char *why_set(const struct function *vf, const struct vf_values *set)
{
	const struct vf_values found = vf_values_only(&vf->values, set->known);
	_cleanup_free_ char *text = vf_values_text(&found);

	return xasprintf("found %s", text);
}

/* A VF that exists already: nothing where it is right or was left to the kernel. */
static void correct_vf(struct task *t, const struct function *vf)
{
	const char *driver = pf_rule_driver(t->rule, vf->vf_index);
	const struct vf_rule *entry = pf_rule_vf(t->rule, vf->vf_index);
	struct where where = vf_where(t->rule, vf->vf_index);
	bool native = streq(driver, DRIVER_NATIVE);
	bool right = streq(vf->driver, is_named(driver) ? driver : NULL) ||
		     (native && !is_vfio(vf->driver));
	bool held = vf->driver && (vf->in_use || is_vfio(vf->driver)), reload;
	int i = (int)vf->vf_index;
	struct vf_values set;
	struct action *back;

	if (!right && held) {
		keep_vf(t, vf, driver);
		return;
	}
	set = vf_changes(t, vf, held);
	reload = right && vf->driver && set.known & VF_BEFORE_BIND;
	if (!right)
		override_vf(t, vf->vf_index, driver);
	else if (reload && !t->pf->autoprobe) /* else bind would find no device */
		override_vf(t, vf->vf_index, vf->driver);
	if (vf->driver && (!right || reload))
		add(t->planner, UNBIND, t->pf, i, vf->driver, NULL, where)->why =
			right ? xstrdup("its driver must see what is set") :
				xasprintf("%s wanted", driver);
	set_vf(t, vf->vf_index, &set, why_set(vf, &set));
	if (entry)
		set_attributes(t, vf, i, &entry->sysfs, false);
	if (!right && is_named(driver))
		bind_vf(t, vf->vf_index, driver);
	if (!reload)
		return;
	back = add(t->planner, BIND, t->pf, i, vf->driver, NULL, where);
	back->why = xstrdup("as it was");
	back->always = true;
}

static bool lacks_iommu(const struct task *t, const struct function *vf)
{
	const char *driver = pf_rule_driver(t->rule, vf->vf_index);

	return is_vfio(driver) && vf->iommu_group == NONE && !streq(vf->driver, driver);
}

static void no_iommu(struct task *t)
{
	problem(t->planner, LOG_ERR, t->pf, t->rule->where,
		"has no IOMMU group, so no VF can go to vfio-pci: turn on VT-d or AMD-Vi "
		"in the firmware and the IOMMU in the kernel (sriov-setup kargs status)");
}

static bool wants_vfio(const struct pf_rule *rule, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (is_vfio(pf_rule_driver(rule, i)))
			return true;
	return false;
}

/* Whether VFs can be made and bound at all; each reason is one problem. */
static bool pf_is_able(struct task *t, unsigned want)
{
	const struct function *pf = t->pf;
	struct planner *p = t->planner;
	struct where where = t->rule->where;

	if (want > pf->total_vfs)
		problem(p, LOG_ERR, pf, where,
			"%u VFs wanted, device and driver %s allow %u", want,
			pf->driver ? pf->driver : "(none)", pf->total_vfs);
	else if (!pf->driver)
		problem(p, LOG_ERR, pf, where, "has no driver: load its driver first");
	else if (is_vfio(pf->driver))
		problem(p, LOG_ERR, pf, where,
			"the PF itself is bound to %s: take %04x:%04x out of its ids= "
			"and reboot",
			pf->driver, pf->vendor, pf->device);
	else if (wants_vfio(t->rule, want) && pf->iommu_group == NONE)
		no_iommu(t);
	else /* plan_pf() has said that the link is missing */
		return pf->link || !pf_rule_needs_link(t->rule);
	return false;
}

/* One that cannot get its driver keeps what it has. */
static void correct_vfs(struct task *t)
{
	bool lacking = false;

	for (size_t i = 0; i < t->pf->n_vfs; i++) {
		const struct function *vf;

		if (t->pf->vfs[i] == NONE)
			continue;
		vf = &t->planner->system->functions[t->pf->vfs[i]];
		if (lacks_iommu(t, vf))
			lacking = true;
		else
			correct_vf(t, vf);
	}
	if (lacking)
		no_iommu(t);
}

static void plan_pf(struct task *t)
{
	const struct function *pf = t->pf;
	struct where where = t->rule->where;
	unsigned have = (unsigned)pf->n_vfs, want = (unsigned)t->rule->vfs;

	if (t->rule->vfs == VFS_MAX)
		want = pf->total_vfs;
	if (t->rule->vfs == VFS_UNSET)
		want = have;
	if (pf_rule_needs_link(t->rule) && !pf->link)
		problem(t->planner, LOG_ERR, pf, where,
			"what the rule says of link, MTU and VFs cannot be set: %s",
			pf->link_error ? pf->link_error : "it was not looked at");
	set_eswitch(t);
	set_pf(t, have == 0 && want > 0);
	if (have == 0 && want > 0) {
		if (pf_is_able(t, want))
			create_vfs(t, want);
		return;
	}
	if (have < want)
		problem(t->planner, LOG_ERR, pf, where,
			"has %u VFs, %u wanted; the kernel only grows from 0: write 0 to "
			"its "
			"sriov_numvfs when no VF is used, or reboot",
			have, want);
	else if (have > want)
		problem(t->planner, LOG_WARNING, pf, where,
			"has %u VFs, %u wanted; they are kept", have, want);
	correct_vfs(t);
}

/* Others in the IOMMU group that keep it from being viable,
 * vfio_group_ioctl_get_status(). */
static void check_group(struct planner *p, const struct function *f, struct where where)
{
	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *other = &p->system->functions[i];

		if (other == f || other->iommu_group != f->iommu_group ||
		    !other->driver || is_vfio(other->driver) ||
		    streq(other->driver, "pcieport"))
			continue;
		problem(p, LOG_WARNING, f, where,
			"shares IOMMU group %d with %s on driver %s: no VM can use it "
			"before that is on "
			"vfio-pci too",
			f->iommu_group, other->address, other->driver);
	}
}

static void plan_device(struct planner *p, const struct function *f,
			const struct device_rule *rule)
{
	struct action *a;

	if (f->iommu_group == NONE && is_vfio(rule->driver))
		problem(p, LOG_ERR, f, rule->where,
			"has no IOMMU group, so it cannot go to %s (sriov-setup kargs "
			"status)",
			rule->driver);
	else if (streq(f->driver, rule->driver))
		check_group(p, f, rule->where);
	else if (f->n_vfs)
		problem(p, LOG_ERR, f, rule->where, "has VFs, so it stays on %s",
			f->driver);
	else if (f->driver && f->in_use)
		problem(p, LOG_ERR, f, rule->where, "stays on %s because %s", f->driver,
			f->in_use);
	else if (is_vfio(f->driver))
		problem(p, LOG_ERR, f, rule->where,
			"stays on %s, %s wanted; a VM may hold it: stop its users, then "
			"unbind it",
			f->driver, rule->driver);
	else {
		check_group(p, f, rule->where);
		add(p, OVERRIDE, f, NONE, NULL, rule->driver, rule->where);
		if (f->driver)
			add(p, UNBIND, f, NONE, f->driver, NULL, rule->where)->why =
				xasprintf("%s wanted", rule->driver);
		a = add(p, BIND, f, NONE, rule->driver, NULL, rule->where);
		a->why = xasprintf("%s wanted", rule->driver);
		need_driver(p, rule->driver);
	}
}

static const char *rule_keeps_from_vfio(const struct pf_rule *rule,
					const struct function *pf)
{
	unsigned n = rule->vfs >= 0 ? (unsigned)rule->vfs : pf->total_vfs;

	for (unsigned i = 0; i < n; i++)
		if (!streq(pf_rule_driver(rule, i), DRIVER_VFIO))
			return "some of its VFs go to another driver";
	return NULL;
}

/* Why vfio-pci must not catch every device with the ID of this PF's VFs; NULL: it may. */
static const char *unsafe_vfio_id(const struct config *config,
				  const struct system *system, const struct function *pf)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		const char *why;
		int rule;

		if (f->vendor != pf->vendor)
			continue;
		if (f->pf == NONE && f->device == pf->vf_device)
			return f->total_vfs ? "a PF has the same ID" :
					      "another device has the same ID";
		if (f->total_vfs == 0 || f->vf_device != pf->vf_device)
			continue;
		rule = plan_pf_rule(config, f);
		if (rule == NONE)
			return "a PF without rule makes such VFs too";
		why = rule_keeps_from_vfio(&config->pfs[rule], f);
		if (why)
			return why;
	}
	return NULL;
}

/*
 * IDs of VFs that no other device has itself, and all of whose PFs here are governed by
 * vfio rules (DESIGN §4.2); the others go to `left_out` as "vvvv:dddd (why)".
 */
static void plan_vfio_ids(const struct config *config, const struct system *system,
			  struct strings *ret_ids, struct strings *left_out)
{
	struct strings seen = {};

	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *pf = &system->functions[i];
		int rule = pf->total_vfs ? plan_pf_rule(config, pf) : NONE;
		_cleanup_free_ char *id = NULL, *said = NULL;
		const char *why;

		if (rule == NONE || !wants_vfio(&config->pfs[rule], pf->total_vfs))
			continue;
		id = xasprintf("%04x:%04x", pf->vendor, pf->vf_device);
		if (strings_contain(&seen, id))
			continue;
		strings_add(&seen, id);
		why = unsafe_vfio_id(config, system, pf);
		said = why ? xasprintf("%s (%s)", id, why) : NULL;
		strings_add(why ? left_out : ret_ids, why ? said : id);
	}
	strings_done(&seen);
}

static char *join(const struct strings *strings, const char *separator)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < strings->n; i++) {
		char *more =
			xasprintf("%s%s%s", all, i ? separator : "", strings->items[i]);

		free(all);
		all = more;
	}
	return all;
}

/* vfio-pci takes ids= only while it loads, vfio_pci_fill_ids(); nothing depends on them.
 */
static char *vfio_options(struct planner *p)
{
	_cleanup_free_ char *all = NULL, *out = NULL;
	struct strings ids = {}, left_out = {};
	char *options = NULL;

	if (p->config->kernel.vfio_ids != VFIO_IDS_NONE)
		plan_vfio_ids(p->config, p->system, &ids, &left_out);
	all = join(&ids, ",");
	out = join(&left_out, ", ");
	if (ids.n)
		options = xasprintf("ids=%s", all);
	if (left_out.n)
		problem(p, LOG_INFO, NULL, (struct where){},
			"left out of vfio-pci's ids=: %s", out);
	strings_done(&ids);
	strings_done(&left_out);
	return options;
}

/* Modules come first in the list: the actions so far are moved behind them. */
static void plan_modules(struct planner *p)
{
	struct action *rest = p->plan.actions;
	size_t n = p->plan.n_actions;

	p->plan.actions = NULL;
	p->plan.n_actions = 0;
	for (size_t i = 0; i < p->drivers.n; i++) {
		const char *driver = p->drivers.items[i];
		_cleanup_free_ char *options = NULL;

		if (streq(driver, DRIVER_VFIO)) {
			if (p->system->vfio_module_loaded)
				continue;
			options = vfio_options(p);
		}
		add(p, LOAD_MODULE, NULL, NONE, driver, options, (struct where){})->why =
			xstrdup("something is to be bound to it");
	}
	for (size_t i = 0; i < n; i++)
		*array_add(p->plan.actions, p->plan.n_actions) = rest[i];
	free(rest);
}

static void plan_required(struct planner *p)
{
	for (size_t i = 0; p->system->live && i < p->config->n_pfs; i++) {
		const struct pf_rule *rule = &p->config->pfs[i];
		bool found = !rule->required;

		for (size_t j = 0; j < p->system->n_functions && !found; j++)
			found = plan_pf_rule(p->config, &p->system->functions[j]) ==
				(int)i;
		if (!found)
			problem(p, LOG_ERR, NULL, rule->where,
				"required, but no PF matches");
	}
	for (size_t i = 0; p->system->live && i < p->config->n_devices; i++) {
		const struct device_rule *rule = &p->config->devices[i];
		bool found = !rule->required;

		for (size_t j = 0; j < p->system->n_functions && !found; j++)
			found = plan_device_rule(p->config, &p->system->functions[j]) ==
				(int)i;
		if (!found)
			problem(p, LOG_ERR, NULL, rule->where,
				"required, but no device matches");
	}
}

/* The module must be there for VFs that others create, also when there is nothing to bind
 * yet. */
static void plan_function(struct planner *p, const struct function *f)
{
	int pf_rule = plan_pf_rule(p->config, f), device_rule;

	if (pf_rule != NONE) {
		const struct pf_rule *rule = &p->config->pfs[pf_rule];

		plan_pf(&(struct task){ p, rule, f });
		if (wants_vfio(rule, f->total_vfs) && rule->vfs != 0 &&
		    f->iommu_group != NONE)
			need_driver(p, DRIVER_VFIO);
		return;
	}
	device_rule = plan_device_rule(p->config, f);
	if (device_rule != NONE)
		plan_device(p, f, &p->config->devices[device_rule]);
}

/* The parameter is writable at run time: vfio_iommu_type1.c, module_param_named(…,
 * S_IRUGO | S_IWUSR) */
static void plan_unsafe_interrupts(struct planner *p)
{
	if (!p->config->kernel.unsafe_interrupts || p->system->unsafe_interrupts ||
	    !(strings_contain(&p->drivers, DRIVER_VFIO) || p->system->vfio_module_loaded))
		return;
	add(p, WRITE, NULL, NONE,
	    "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y",
	    p->config->kernel.where);
}

char *plan_modprobe(const struct config *config, const struct system *system)
{
	struct strings ids = {}, left_out = {};
	_cleanup_free_ char *all = NULL;

	plan_vfio_ids(config, system, &ids, &left_out);
	all = join(&ids, ",");
	strings_done(&ids);
	strings_done(&left_out);
	return modprobe_text(&config->kernel, all);
}

static void plan_module_options(struct planner *p)
{
	_cleanup_free_ char *text = plan_modprobe(p->config, p->system);
	struct action *a;

	if (streq(text, p->system->modprobe ? p->system->modprobe : ""))
		return;
	a = add(p, MODPROBE, NULL, NONE, NULL, text, p->config->kernel.where);
	a->when = NEXT_BOOT;
	a->why = xstrdup(*text ? "module options" : "not asked for any more");
}

static void plan_memlock(struct planner *p)
{
	const struct strings *wanted = &p->config->memlock, *found = &p->system->memlock;

	for (size_t i = 0; i < wanted->n + found->n; i++) {
		bool want = i < wanted->n;
		const char *unit = want ? wanted->items[i] : found->items[i - wanted->n];
		struct action *a;

		if (strings_contain(want ? found : wanted, unit))
			continue;
		a = add(p, MEMLOCK, NULL, NONE, unit, want ? "infinity" : "",
			p->config->kernel.where);
		a->when = NEXT_BOOT;
		a->why = xstrdup(want ? "memlock names it" : "not asked for any more");
	}
}

static void plan_boot_args(struct planner *p)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_free_ char *words = NULL;
	struct action *a;

	kargs_wanted(&p->config->kernel, &p->system->kernel, &wanted, &missing);
	if (cmdline_equal(&wanted, &p->system->kernel.ours))
		return;
	words = cmdline_print(&wanted);
	if (wanted.words.n && cmdline_equal(&wanted, &p->system->kernel.rejected)) {
		problem(p, LOG_INFO, NULL, p->config->kernel.where,
			"kernel arguments were rolled back and are not tried again: %s",
			words);
		return;
	}
	a = add(p, BOOT_ARGS, NULL, NONE, NULL, words, p->config->kernel.where);
	a->when = NEXT_BOOT;
	a->why = xstrdup(missing.words.n ? "not in effect" : "not asked for any more");
}

struct plan plan_make(const struct config *config, const struct system *system)
{
	struct planner p = { .config = config, .system = system };

	plan_required(&p);
	for (size_t i = 0; i < system->n_functions; i++)
		plan_function(&p, &system->functions[i]);
	plan_modules(&p);
	plan_unsafe_interrupts(&p);
	plan_module_options(&p);
	plan_memlock(&p);
	plan_boot_args(&p);
	strings_done(&p.drivers);
	free(p.macs);
	return p.plan;
}

static void action_done(struct action *action)
{
	free(action->function);
	free(action->name);
	free(action->value);
	free(action->why);
}

static void problem_done(struct problem *problem)
{
	free(problem->pci);
	free(problem->pf);
	free(problem->text);
}

/* A module goes with what is bound to its driver; vfio-pci serves VFs that others create
 * too. What stands before `index` may be gone already. */
static bool is_kept(const struct plan *plan, size_t index, const char *address)
{
	const struct action *a = &plan->actions[index];

	if (a->function)
		return streq(a->function, address);
	if (a->verb != LOAD_MODULE || streq(a->name, DRIVER_VFIO))
		return true;
	for (size_t i = index + 1; i < plan->n_actions; i++) {
		const struct action *b = &plan->actions[i];

		if (b->verb == BIND && streq(b->function, address) &&
		    streq(b->name, a->name))
			return true;
	}
	return false;
}

void plan_keep(struct plan *plan, const char *address)
{
	size_t actions = 0, problems = 0;

	for (size_t i = 0; i < plan->n_actions; i++) {
		struct action *a = &plan->actions[i];

		if (!is_kept(plan, i, address))
			action_done(a);
		else
			plan->actions[actions++] = *a;
	}
	plan->n_actions = actions;
	for (size_t i = 0; i < plan->n_problems; i++) {
		struct problem *p = &plan->problems[i];

		if (p->pci && !streq(p->pci, address) && !streq(p->pf, address))
			problem_done(p);
		else
			plan->problems[problems++] = *p;
	}
	plan->n_problems = problems;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_actions; i++)
		action_done(&plan->actions[i]);
	for (size_t i = 0; i < plan->n_problems; i++)
		problem_done(&plan->problems[i]);
	free(plan->actions);
	free(plan->problems);
	*plan = (struct plan){};
}

static char *action_target(const struct action *a)
{
	if (!a->function)
		return xstrdup("");
	return a->vf == NONE ? xstrdup(a->function) :
			       xasprintf("%s VF %d", a->function, a->vf);
}

char *action_text(const struct action *a, bool done)
{
	_cleanup_free_ char *target = action_target(a), *values = NULL;

	switch (a->verb) {
	case LOAD_MODULE:
		return xasprintf("%s %s%s%s", done ? "loaded" : "load", a->name,
				 a->value ? " " : "", a->value ? a->value : "");
	case WRITE:
		return xasprintf("%s %s%s%s %s", done ? "wrote" : "write", target,
				 *target ? "/" : "", a->name, a->value);
	case CREATE_VFS:
		return xasprintf("%s %s VFs on %s", done ? "created" : "create", a->value,
				 target);
	case OVERRIDE:
		return xasprintf("%s %s for %s", done ? "reserved" : "reserve", target,
				 a->value);
	case UNBIND:
		return xasprintf("%s %s from %s", done ? "unbound" : "unbind", target,
				 a->name);
	case BIND:
		return xasprintf("%s %s to %s", done ? "bound" : "bind", target, a->name);
	case PROBE:
		return xasprintf("%s %s", done ? "probed" : "probe", target);
	case SET_ESWITCH:
	case SET_LINK:
		return xasprintf("set %s of %s to %s", a->name, target, a->value);
	case SET_VF:
		values = vf_values_text(&a->values);
		return xasprintf("set %s: %s", target, values);
	case BOOT_ARGS:
		return xasprintf("kernel arguments: %s", *a->value ? a->value : "(none)");
	case MODPROBE:
		return xasprintf("%s /" MODPROBE_CONF, *a->value ? "write" : "remove");
	case MEMLOCK:
		return xasprintf("%s of %s",
				 *a->value ? "lift the locked-memory limit" :
					     "restore the locked-memory limit",
				 a->name);
	case N_VERBS:
		break;
	}
	abort();
}

static void print_where(FILE *out, const char *why, const struct where *where)
{
	if (why || where->file)
		fputs("  #", out);
	if (why)
		fprintf(out, " %s", why);
	if (where->file)
		fprintf(out, " (%s:%d)", where->file, where->line);
	fputc('\n', out);
}

int plan_print(const struct plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->n_problems; i++) {
		const struct problem *p = &plan->problems[i];

		fprintf(out, "%s %s%s%s",
			p->level <= LOG_ERR     ? "error:" :
			p->level == LOG_WARNING ? "warning:" :
						  "note:",
			p->pci ? p->pci : "", p->pci ? ": " : "", p->text);
		print_where(out, NULL, &p->where);
	}
	for (size_t i = 0; i < plan->n_actions; i++) {
		const struct action *a = &plan->actions[i];
		_cleanup_free_ char *text = action_text(a, false);

		fprintf(out, "%c %-52s", a->disruptive ? '!' : '+', text);
		print_where(out, a->why, &a->where);
	}
	if (plan->n_actions == 0 && plan->n_problems == 0)
		fputs("nothing to do\n", out);
	return ferror(out) ? -1 : 0;
}
