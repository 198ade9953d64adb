#include "apply-link.h"

#include "netdev.h"
#include "netlink.h"
#include "plan-print.h"

#include <errno.h>
#include <time.h>

#define RETRY_SECONDS 5
#define RETRY_MS 100

/* One try; *ret_why as in netlink.h. */
typedef int setter(unsigned ifindex, const struct action *action,
		   const struct vf_values *values, char **ret_why);

static int try_link(unsigned ifindex, const struct action *action,
		    const struct vf_values *values, char **ret_why)
{
	(void)values;
	if (streq(action->name, "mtu"))
		return netlink_set_mtu(ifindex, (unsigned)atoi(action->value), ret_why);
	return netlink_set_up(ifindex, ret_why);
}

static int try_vf(unsigned ifindex, const struct action *action,
		  const struct vf_values *values, char **ret_why)
{
	return netlink_set_vf(ifindex, (unsigned)action->vf, values, ret_why);
}

static int try_eswitch(unsigned ifindex, const struct action *action,
		       const struct vf_values *values, char **ret_why)
{
	enum eswitch_key key = eswitch_find(action->name);
	const char *expected;

	(void)ifindex, (void)values;
	return netlink_set_eswitch(action->function, key,
				   eswitch_parse(key, action->value, &expected), ret_why);
}

static int try_again(setter *set, unsigned ifindex, const struct action *action,
		     const struct vf_values *values, char **ret_why)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000 };

	for (int tries = RETRY_SECONDS * 1000 / RETRY_MS;; tries--) {
		int r = set(ifindex, action, values, ret_why);

		if ((r != -EAGAIN && r != -EBUSY) || tries == 0)
			return r;
		free(*ret_why);
		*ret_why = NULL;
		nanosleep(&pause, NULL);
	}
}

/* What an errno of a value means where the kernel gives no text. */
static const char *meaning(unsigned keys, int error)
{
	if (error == -EOPNOTSUPP)
		return "its driver cannot, or not in switchdev mode";
	if (error == -EINVAL && keys & VF_BIT(VF_MAX_TX_RATE))
		return "above the link's speed, or its driver wants the PF's link up";
	if (error == -EPERM)
		return "the unit may not yet: \"systemctl daemon-reload\" looks at the "
		       "config again";
	if (error == -EPROTONOSUPPORT)
		return "its driver knows no such vlan_proto";
	if (error == -EBUSY && keys & VF_BIT(VF_MSIX_COUNT))
		return "a driver is bound to it";
	return NULL;
}

static int refuse(struct strings *refusals, const struct action *action,
		  const struct vf_values *values, int error, const char *why)
{
	struct action part = *action;
	_cleanup_free_ char *what = NULL, *text = NULL;
	const char *more = why ? why : meaning(values->known, error);

	part.values = *values;
	what = action_text(&part, false);
	text = xasprintf("cannot %s%s%s%s, asked for by %s:%d: %s", what,
			 more ? " (" : "", more ? more : "", more ? ")" : "",
			 action->where.file, action->where.line, strerror(-error));
	strings_add(refusals, text);
	return -EREMOTEIO;
}

/* A driver may refuse to be told what it does anyway: then all is well. */
static bool has_it_already(unsigned ifindex, unsigned vf, const struct vf_values *values)
{
	_cleanup_(link_done) struct link link = {};

	return netlink_read(ifindex, &link) == 0 && vf < link.n_vfs &&
	       (values->known & ~link.vfs[vf].known) == 0 &&
	       vf_values_difference(values, &link.vfs[vf]).known == 0;
}

/* Each group in a message of its own, so that a refusal is about one thing. */
static int set_one_by_one(unsigned ifindex, const struct action *action,
			  const struct vf_values *values, struct strings *refusals)
{
	unsigned left = values->known;
	int result = 0;

	for (int key = 0; key < N_VF_KEYS; key++) {
		const struct vf_values part =
			vf_values_only(values, left & vf_key_group((enum vf_key)key));
		_cleanup_free_ char *why = NULL;
		int r;

		if (!(left & VF_BIT(key)))
			continue;
		left &= ~part.known;
		r = try_again(try_vf, ifindex, action, &part, &why);
		if (r < 0 && !has_it_already(ifindex, (unsigned)action->vf, &part))
			result = refuse(refusals, action, &part, r, why);
	}
	return result;
}

static int set_msix_count(const struct root *root, const struct action *action,
			  struct strings *refusals)
{
	const struct vf_values part =
		vf_values_only(&action->values, VF_BIT(VF_MSIX_COUNT));
	_cleanup_free_ char *count = NULL;
	int r;

	if (!part.known)
		return 0;
	count = xasprintf("%llu", (unsigned long long)part.value[VF_MSIX_COUNT]);
	r = root_write(root, count, "sys/bus/pci/devices/%s/virtfn%d/sriov_vf_msix_count",
		       action->function, action->vf);
	return r < 0 ? refuse(refusals, action, &part, r, NULL) : 0;
}

int apply_set_eswitch(const struct root *root, const struct action *action,
		      struct strings *refusals)
{
	_cleanup_free_ char *why = NULL;
	int r = try_again(try_eswitch, 0, action, NULL, &why);

	(void)root;
	return r < 0 ? refuse(refusals, action, &action->values, r, why) : 0;
}

/* That none comes is no failure yet: what needs it will say so. */
static void wait_for_carrier(unsigned ifindex)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000 };

	for (int tries = RETRY_SECONDS * 1000 / RETRY_MS; tries > 0; tries--) {
		_cleanup_(link_done) struct link link = {};

		if (netlink_read(ifindex, &link) < 0 || link.running)
			break;
		nanosleep(&pause, NULL);
	}
}

int apply_set_link(const struct root *root, const struct action *action,
		   struct strings *refusals)
{
	_cleanup_free_ char *why = NULL;
	unsigned ifindex;
	int r = netdev_of_pf(root, action->function, &ifindex);

	if (r == 0)
		r = try_again(try_link, ifindex, action, NULL, &why);
	if (r == 0 && streq(action->value, "running"))
		wait_for_carrier(ifindex);
	return r < 0 ? refuse(refusals, action, &action->values, r, why) : 0;
}

int apply_set_vf(const struct root *root, const struct action *action,
		 struct strings *refusals)
{
	const struct vf_values values = vf_values_only(&action->values, VF_BY_NETLINK);
	_cleanup_free_ char *why = NULL;
	unsigned ifindex;
	int r, result = set_msix_count(root, action, refusals);

	if (!values.known)
		return result;
	r = netdev_of_pf(root, action->function, &ifindex);
	if (r < 0)
		return refuse(refusals, action, &values, r, "the PF's network interface");
	if (try_again(try_vf, ifindex, action, &values, &why) < 0)
		r = set_one_by_one(ifindex, action, &values, refusals);
	return r < 0 ? r : result;
}
