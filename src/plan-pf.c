#include "planner.h"

#include "driver.h"

#include <errno.h>
#include <search.h>

static struct where vf_where(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return vf ? vf->where : rule->where;
}

static bool is_named(const char *driver)
{
	return driver_is_chosen(driver) && !streq(driver, DRIVER_NONE);
}

static void bind_vf(struct task *t, unsigned i, const char *driver)
{
	struct action *a = planner_add(t->planner, BIND, t->pf, (int)i, driver, NULL,
				       vf_where(t->rule, i));

	a->why = xasprintf("%s wanted", driver);
	planner_need_driver(t->planner, driver);
}

static void override_vf(struct task *t, unsigned i, const char *driver)
{
	planner_add(t->planner, OVERRIDE, t->pf, (int)i, NULL, driver,
		    vf_where(t->rule, i));
}

static void set_autoprobe(struct task *t, bool value, bool always, const char *why)
{
	struct action *a =
		planner_add(t->planner, WRITE, t->pf, NONE, "sriov_drivers_autoprobe",
			    value ? "1" : "0", t->rule->where);

	a->always = always;
	a->why = xstrdup(why);
}

static int compare_macs(const void *a, const void *b)
{
	const struct taken_mac *x = a, *y = b;

	return (x->mac > y->mac) - (x->mac < y->mac);
}

/* Who has the address already; NULL: nobody, and it is taken from now on. */
static const struct taken_mac *take_mac(struct planner *p, const struct taken_mac *wanted)
{
	struct taken_mac *mac = xcalloc(1, sizeof(*mac)), **found;

	*mac = *wanted;
	found = tsearch(mac, &p->macs, compare_macs);
	if (!found)
		abort();
	if (*found == mac)
		return NULL;
	free(mac);
	return *found;
}

/* Those of this host's own interfaces; a VF's own follows what is set for it. */
static void take_macs_of_interfaces(struct planner *p)
{
	const char *expected;

	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *f = &p->system->functions[i];

		for (size_t j = 0; f->pf == NONE && j < f->n_netdevs; j++) {
			struct taken_mac mac = { .function = f,
						 .netdev = f->netdevs[j].name };

			if (f->netdevs[j].mac && vf_key_parse(VF_MAC, f->netdevs[j].mac,
							      &mac.mac, &expected) == 0)
				take_mac(p, &mac);
		}
	}
}

/* Puts the address in place of "stable", and takes one away that must not be given. */
static void settle_mac(struct task *t, unsigned i, struct vf_values *wanted)
{
	struct planner *p = t->planner;
	uint64_t *mac = &wanted->value[VF_MAC];
	const struct vf_values just_mac = vf_values_only(wanted, VF_BIT(VF_MAC));
	_cleanup_free_ char *text = NULL, *vf = NULL;
	const struct taken_mac *owner;

	if (!vf_knows(wanted, VF_MAC) || !t->pf->link)
		return;
	if (*mac == VF_MAC_STABLE && !t->pf->link->permanent_mac) {
		planner_problem(
			p, LOG_ERR, t->pf, vf_where(t->rule, i),
			"has no permanent MAC address, so VF %u cannot get a stable one",
			i);
		wanted->known &= ~VF_BIT(VF_MAC);
		return;
	}
	if (*mac == VF_MAC_STABLE)
		*mac = vf_stable_mac(t->pf->link->permanent_mac, i);
	if (!p->macs)
		take_macs_of_interfaces(p);
	owner = take_mac(p, &(struct taken_mac){ *mac, t->pf, NULL, i });
	if (!owner)
		return;
	text = vf_values_text(&just_mac);
	vf = xasprintf("VF %u", owner->vf);
	planner_problem(p, LOG_ERR, t->pf, vf_where(t->rule, i),
			"VF %u is not given %s: %s of %s has it", i, text,
			owner->netdev ? owner->netdev : vf, owner->function->address);
	wanted->known &= ~VF_BIT(VF_MAC);
}

static void set_vf(struct task *t, unsigned i, const struct vf_values *values, char *why)
{
	struct action *a;

	if (!values->known) {
		free(why);
		return;
	}
	a = planner_add(t->planner, SET_VF, t->pf, (int)i, NULL, NULL,
			vf_where(t->rule, i));
	a->values = *values;
	a->why = why;
}

static void write_attribute(struct task *t, int vf, const struct attribute *wanted,
			    const char *found)
{
	planner_add(t->planner, WRITE, t->pf, vf, wanted->name, wanted->value,
		    wanted->where)
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
			planner_problem(t->planner, LOG_ERR, f, want->where,
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
	enum eswitch_order order = driver_find(pf->driver)->eswitch;

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
			planner_problem(t->planner, LOG_ERR, t->pf, t->rule->where,
					"%s = \"%s\" wanted, found %s; %s", name, word,
					eswitch_word(key, found[i]), obstacle);
		else
			planner_add(t->planner, SET_ESWITCH, t->pf, NONE, name, word,
				    t->rule->where)
				->why =
				xasprintf("found %s", eswitch_word(key, found[i]));
	}
}

/* A driver that makes no VFs while the interface is down, and it is down. */
static bool lacks_link(const struct function *pf)
{
	bool up = pf->n_netdevs == 0;

	for (size_t i = 0; i < pf->n_netdevs; i++)
		up |= pf->netdevs[i].up;
	return !up && driver_find(pf->driver)->needs_link;
}

/* Before the VFs: some drivers make none while the link is down, a VF's MTU is bounded by
 * the PF's. */
static void set_pf(struct task *t, bool making)
{
	const struct link *link = t->pf->link;
	const struct pf_rule *rule = t->rule;
	_cleanup_free_ char *mtu = xasprintf("%u", rule->mtu);

	if (link && rule->mtu && rule->mtu != link->mtu)
		planner_add(t->planner, SET_LINK, t->pf, NONE, "mtu", mtu, rule->where)
			->why = xasprintf("found %u", link->mtu);
	if (link && rule->link_up ? !link->up : making && lacks_link(t->pf))
		planner_add(t->planner, SET_LINK, t->pf, NONE, "link", "up", rule->where)
			->why =
			xasprintf("found down%s",
				  rule->link_up ? "" : ", where its driver makes none");
	set_attributes(t, t->pf, NONE, &rule->sysfs, making);
}

/* Must the VF be set up before its driver sees it? */
static bool vf_waits(const struct task *t, unsigned i)
{
	const struct pf_rule *rule = t->rule;
	const struct vf_rule *vf = pf_rule_vf(rule, i);

	return driver_is_chosen(pf_rule_driver(rule, t->pf, i)) ||
	       rule->nvme.count[NVME_QUEUES] || pf_rule_values(rule, i).known ||
	       (vf && vf->sysfs.n);
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
	plan_nvme_vf(t, i, NULL);
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
	struct action *create;

	for (unsigned i = 0; i < want; i++) {
		const char *driver = pf_rule_driver(t->rule, t->pf, i);

		native |= !driver_is_chosen(driver);
		named |= vf_waits(t, i);
	}
	if (autoprobe == named)
		set_autoprobe(t, !named, false,
			      named ? "VFs get their driver when they are set up" :
				      "VFs get their native driver");
	create = planner_add(t->planner, CREATE_VFS, t->pf, NONE, NULL, count,
			     t->rule->where);
	create->why = t->pf->n_vfs ?
			      xasprintf("%u VFs wanted, found %zu", want, t->pf->n_vfs) :
			      xasprintf("%u VFs wanted, found none", want);
	create->patience = driver_find(t->pf->driver)->patience;
	for (unsigned i = 0; i < want; i++)
		if (driver_is_chosen(pf_rule_driver(t->rule, t->pf, i)))
			override_vf(t, i, pf_rule_driver(t->rule, t->pf, i));
	if (t->rule->link_up && wants_rates(t->rule, want))
		planner_add(t->planner, SET_LINK, t->pf, NONE, "link", "running",
			    t->rule->where)
			->why = xstrdup("rates are taken only then");
	for (unsigned i = 0; i < want; i++)
		set_new_vf(t, i);
	if (named && (autoprobe || native))
		set_autoprobe(t, true, autoprobe,
			      autoprobe ? "as it was" : "for the native VFs");
	for (unsigned i = 0; i < want; i++) {
		const char *driver = pf_rule_driver(t->rule, t->pf, i);

		if (is_named(driver))
			bind_vf(t, i, driver);
		else if (named && !driver_is_chosen(driver))
			planner_add(t->planner, PROBE, t->pf, (int)i, NULL, NULL,
				    vf_where(t->rule, i))
				->why = xstrdup("native driver wanted");
	}
	if (native && !autoprobe)
		set_autoprobe(t, false, true, "as it was");
}

/*
 * Who keeps a function from being taken; NULL: nobody, or --force-in-use says so. One
 * that is used and has no driver was forced already: the kernel waits for its user, and
 * with it would who writes to it.
 */
static const char *user_of(const struct task *t, const struct function *f)
{
	return planner_is_forced(t->planner, f) && (f->driver || f->only_claimed) ?
		       NULL :
		       f->in_use;
}

static void keep_vf(struct task *t, const struct function *vf, const char *driver)
{
	struct planner *p = t->planner;
	struct where where = vf_where(t->rule, vf->vf_index);

	if (!user_of(t, vf))
		planner_problem(
			p, LOG_ERR, vf, where,
			"is bound to %s, %s wanted; a VM may hold it, so a boot leaves "
			"it: sriov-setup apply takes it when nobody has it open",
			vf->driver, driver);
	else
		planner_problem(p, LOG_ERR, vf, where,
				"is bound to %s, %s wanted; left alone because %s",
				vf->driver ? vf->driver : "no driver", driver,
				vf->in_use);
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
	planner_problem(
		t->planner, LOG_ERR, vf, vf_where(t->rule, vf->vf_index),
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

/* Without an override only autoprobe lets a driver have it: pci_device_can_probe(). */
static void probe_vf(struct task *t, unsigned i)
{
	if (!t->pf->autoprobe)
		set_autoprobe(t, true, false, "for a native VF");
	planner_add(t->planner, PROBE, t->pf, (int)i, NULL, NULL, vf_where(t->rule, i))
		->why = xstrdup("native driver wanted");
	if (!t->pf->autoprobe)
		set_autoprobe(t, false, true, "as it was");
}

static void unbind_vf(struct task *t, const struct function *vf, char *why)
{
	struct action *a = planner_add(t->planner, UNBIND, t->pf, (int)vf->vf_index,
				       vf->driver, NULL, vf_where(t->rule, vf->vf_index));

	a->why = why;
	a->forced = planner_is_forced(t->planner, vf);
	a->disruptive = a->forced || driver_is_vfio(vf->driver);
}

/* A VF that exists already: nothing where it is right or was left to the kernel. */
static void correct_vf(struct task *t, const struct function *vf)
{
	const char *driver = pf_rule_driver(t->rule, t->pf, vf->vf_index);
	const struct vf_rule *entry = pf_rule_vf(t->rule, vf->vf_index);
	struct where where = vf_where(t->rule, vf->vf_index);
	bool native = streq(driver, DRIVER_NATIVE);
	bool right = streq(driver, DRIVER_LEAVE) ||
		     streq(vf->driver, is_named(driver) ? driver : NULL) ||
		     (native && !driver_is_vfio(vf->driver));
	bool vfio = driver_is_vfio(vf->driver), reload;
	/* who has claimed one without a driver is glad if it gets it */
	bool held = (user_of(t, vf) && (vf->driver || !vf->only_claimed)) ||
		    (vfio && t->planner->config->gentle);
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
		override_vf(t, vf->vf_index, native ? "" : driver);
	else if (reload && !t->pf->autoprobe) /* else bind would find no device */
		override_vf(t, vf->vf_index, vf->driver);
	if (vf->driver && (!right || reload))
		unbind_vf(t, vf,
			  right ? xstrdup("its driver must see what is set") :
				  xasprintf("%s wanted", driver));
	set_vf(t, vf->vf_index, &set, set.known ? why_set(vf, &set) : NULL);
	plan_nvme_vf(t, vf->vf_index, vf);
	if (entry)
		set_attributes(t, vf, i, &entry->sysfs, false);
	if (!right && is_named(driver))
		bind_vf(t, vf->vf_index, driver);
	else if (!right && native)
		probe_vf(t, vf->vf_index);
	if (!reload)
		return;
	back = planner_add(t->planner, BIND, t->pf, i, vf->driver, NULL, where);
	back->why = xstrdup("as it was");
	back->always = true;
}

static bool lacks_iommu(const struct task *t, const struct function *vf)
{
	const char *driver = pf_rule_driver(t->rule, t->pf, vf->vf_index);

	return driver_is_vfio(driver) && vf->iommu_group == NONE &&
	       !streq(vf->driver, driver);
}

static void no_iommu(struct task *t)
{
	planner_problem(
		t->planner, LOG_ERR, t->pf, t->rule->where,
		"has no IOMMU group, so no VF can go to vfio-pci: turn on VT-d or AMD-Vi "
		"in the firmware and the IOMMU in the kernel (sriov-setup kargs status)");
}

/* Must the VFs stay off VFIO, where the rule wants them there? */
static bool keeps_off_vfio(struct task *t, unsigned n)
{
	const char *why = driver_find(t->pf->driver)->no_vfio;

	if (!why || !pf_rule_wants_vfio(t->rule, n))
		return false;
	planner_problem(t->planner, LOG_ERR, t->pf, t->rule->where,
			"its VFs are not given to vfio-pci: %s", why);
	return true;
}

/* Whether VFs can be made and bound at all; each reason is one problem. */
static bool pf_is_able(struct task *t, unsigned want)
{
	const struct function *pf = t->pf;
	struct planner *p = t->planner;
	struct where where = t->rule->where;
	const struct driver *driver = driver_find(pf->driver);

	if (want > pf->total_vfs)
		planner_problem(p, LOG_ERR, pf, where,
				"%u VFs wanted, device and driver %s allow %u", want,
				pf->driver ? pf->driver : "(none)", pf->total_vfs);
	else if (!pf->driver)
		planner_problem(p, LOG_ERR, pf, where,
				"has no driver: load its driver first");
	else if (driver_is_vfio(pf->driver))
		planner_problem(
			p, LOG_ERR, pf, where,
			"the PF itself is bound to %s: take %04x:%04x out of its ids= "
			"and reboot",
			pf->driver, pf->vendor, pf->device);
	else if (driver->no_vfs)
		planner_problem(p, LOG_ERR, pf, where, "%u VFs wanted, found %zu: %s",
				want, pf->n_vfs, driver->no_vfs);
	else if (pf_rule_wants_vfio(t->rule, want) && pf->iommu_group == NONE)
		no_iommu(t);
	else if (!keeps_off_vfio(t, want))
		/* plan_pf() has said that the link is missing */
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

/* How many VFs there should be, and with this driver can be. */
static unsigned wanted_count(struct task *t)
{
	unsigned want = pf_rule_count(t->rule, t->pf);

	if (t->rule->vfs > 0 && want > (unsigned)t->rule->vfs)
		planner_problem(t->planner, LOG_INFO, t->pf, t->rule->where,
				"%d VFs wanted; its driver always makes all %u",
				t->rule->vfs, want);
	return want;
}

#define USERS_NAMED 8

/* Each VF that is used, with its user; NULL: none is. The caller frees it. */
static char *users_of_vfs(const struct task *t)
{
	char *text = NULL;
	size_t n = 0;

	for (size_t i = 0; i < t->pf->n_vfs; i++) {
		const struct function *vf =
			t->pf->vfs[i] == NONE ?
				NULL :
				&t->planner->system->functions[t->pf->vfs[i]];
		const char *user = vf ? user_of(t, vf) : NULL;
		char *more;

		if (!user || n++ >= USERS_NAMED)
			continue;
		more = xasprintf("%s%sVF %zu (%s) is in use: %s", text ? text : "",
				 text ? "; " : "", i, vf->address, user);
		free(text);
		text = more;
	}
	if (n > USERS_NAMED) {
		char *more = xasprintf("%s; and %zu more", text, n - USERS_NAMED);

		free(text);
		text = more;
	}
	return text;
}

/* Why the VFs that are there stay; NULL: they may go. The caller frees it. */
static char *count_obstacle(const struct task *t)
{
	const char *no_vfs = driver_find(t->pf->driver)->no_vfs;

	if (no_vfs)
		return xstrdup(no_vfs);
	if (t->planner->config->gentle)
		return xstrdup("a boot takes none away, sriov-setup apply does when "
			       "none is in use");
	if (t->planner->config->keep_counts)
		return xstrdup("to change that has failed");
	if (t->pf->carries && !planner_is_forced(t->planner, t->pf))
		return xasprintf("%s, and that may stop for a moment (--force-in-use=%s "
				 "does it all the same)",
				 t->pf->carries, t->pf->address);
	return users_of_vfs(t);
}

/*
 * sriov_numvfs_store() goes from one count to another only through none. A VF that is
 * unbound before is taken from nobody and blocks nothing, as one in use would when the
 * count is written; and all at once are much faster.
 */
static void change_count(struct task *t, unsigned want)
{
	struct planner *p = t->planner;
	size_t first = p->plan.n_actions;
	_cleanup_free_ char *have = xasprintf("%zu", t->pf->n_vfs);

	for (size_t i = 0; i < t->pf->n_vfs; i++) {
		const struct function *vf = t->pf->vfs[i] == NONE ?
						    NULL :
						    &p->system->functions[t->pf->vfs[i]];

		if (vf && vf->driver)
			unbind_vf(t, vf, xstrdup("the count changes"));
	}
	planner_add(p, REMOVE_VFS, t->pf, NONE, NULL, have, t->rule->where)->why =
		xasprintf("%u VFs wanted", want);
	if (want)
		create_vfs(t, want);
	for (size_t i = first; i < p->plan.n_actions; i++)
		p->plan.actions[i].disruptive = true;
}

/* At a boot more than are wanted are no failure. */
static void keep_count(struct task *t, unsigned want, const char *why)
{
	bool spare = t->pf->n_vfs > want && t->planner->config->gentle;

	planner_problem(t->planner, spare ? LOG_WARNING : LOG_ERR, t->pf, t->rule->where,
			"has %zu VFs, %u wanted; they stay: %s", t->pf->n_vfs, want, why);
}

/* Somebody else who makes VFs of this PF. */
static void tell_owners(struct task *t)
{
	const struct owners *owners = &t->planner->system->owners;

	for (size_t i = 0; t->rule->vfs != VFS_UNSET && i < owners->n; i++)
		if (strings_contain(&owners->items[i].pfs, t->pf->address))
			planner_problem(t->planner, LOG_WARNING, t->pf, t->rule->where,
					"%s makes or binds its VFs too, see %s: let one "
					"of them do it",
					owners->items[i].name, owners->items[i].file);
}

void plan_no_vfs(struct task *t)
{
	_cleanup_free_ char *obstacle = count_obstacle(t);

	if (obstacle)
		keep_count(t, 0, obstacle);
	else
		change_count(t, 0);
}

/*
 * The PF's own driver, where the rule names one: pci-pf-stub, for devices that need none
 * to run but to make VFs (drivers/pci/pci-pf-stub.c). What it can make is known when it
 * is bound: sriov_totalvfs is the driver's to limit. True: its VFs come in the next
 * round.
 */
static bool changes_driver(struct task *t)
{
	const char *want = t->rule->pf_driver;
	const struct function *pf = t->pf;
	struct where where = t->rule->where;

	if (!want || streq(pf->driver, want))
		return false;
	if (pf->driver && (pf->n_vfs || pf->in_use)) {
		planner_problem(t->planner, LOG_ERR, pf, where,
				"stays on %s, %s wanted, because %s", pf->driver, want,
				pf->n_vfs ? "it has VFs" : pf->in_use);
		return true;
	}
	planner_add(t->planner, OVERRIDE, pf, NONE, NULL, want, where);
	if (pf->driver)
		planner_add(t->planner, UNBIND, pf, NONE, pf->driver, NULL, where)->why =
			xasprintf("%s wanted", want);
	planner_add(t->planner, BIND, pf, NONE, want, NULL, where)->why =
		xasprintf("%s wanted", want);
	planner_need_driver(t->planner, want);
	planner_problem(t->planner, LOG_INFO, pf, where,
			"its VFs are planned once it is bound to %s", want);
	return true;
}

void plan_pf(struct task *t)
{
	const struct function *pf = t->pf;
	unsigned have = (unsigned)pf->n_vfs, want = wanted_count(t);
	bool possible = want <= pf->total_vfs; /* or pf_is_able() says so */
	_cleanup_free_ char *obstacle =
		have && have != want && possible ? count_obstacle(t) : NULL;
	bool change = have != want && !obstacle;

	if (changes_driver(t))
		return;
	if (pf_rule_needs_link(t->rule) && !pf->link)
		planner_problem(
			t->planner, LOG_ERR, pf, t->rule->where,
			"what the rule says of link, MTU and VFs cannot be set: %s",
			pf->link_error ? pf->link_error : "it was not looked at");
	tell_owners(t);
	set_eswitch(t);
	set_pf(t, change && want > 0);
	if (change && want && !(pf_is_able(t, want) && plan_nvme(t, want)))
		change = false;
	else if (change && have)
		change_count(t, want);
	else if (change)
		create_vfs(t, want);
	if (change)
		return;
	if (obstacle)
		keep_count(t, want, obstacle);
	if (!keeps_off_vfio(t, have) && plan_nvme(t, have))
		correct_vfs(t);
}
