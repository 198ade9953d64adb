/* What rtnetlink says of a PF, taken apart: also lists longer than their length can tell.
 */
#include "netlink.h"
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

/* A message as rtnl_fill_ifinfo() writes it, in a buffer that is large enough. */
struct message {
	_Alignas(8) char data[256 * 1024];
	size_t size;
};

static void *reserve(struct message *m, size_t size)
{
	void *at = m->data + m->size;

	m->size += NLMSG_ALIGN(size);
	return at;
}

static struct rtattr *open_attribute(struct message *m, unsigned short type)
{
	struct rtattr *a = reserve(m, sizeof(*a));

	a->rta_type = type;
	return a;
}

/* As nla_nest_end(): the length wraps at 16 bits. */
static void close_attribute(struct message *m, struct rtattr *a)
{
	a->rta_len = (unsigned short)(m->data + m->size - (char *)a);
}

static void add(struct message *m, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = open_attribute(m, type);

	memcpy(reserve(m, size), data, size);
	a->rta_len = (unsigned short)(sizeof(*a) + size);
}

static void add_vf(struct message *m, unsigned vf)
{
	struct rtattr *info = open_attribute(m, IFLA_VF_INFO), *list;
	const struct ifla_vf_mac mac = { .vf = vf,
					 .mac = { 2, 0, 0, 0, vf >> 8 & 255, vf & 255 } };
	const struct ifla_vf_vlan_info vlan = { .vf = vf,
						.vlan = 100,
						.vlan_proto = 0x81 };
	const struct ifla_vf_rate rate = { vf, 10, 20 };
	const struct ifla_vf_spoofchk spoofchk = { vf, 1 };
	const struct ifla_vf_trust trust = { vf, UINT32_MAX };
	const char rest[120] = "";

	add(m, IFLA_VF_MAC, &mac, sizeof(mac));
	add(m, IFLA_VF_RATE, &rate, sizeof(rate));
	add(m, IFLA_VF_SPOOFCHK, &spoofchk, sizeof(spoofchk));
	add(m, IFLA_VF_TRUST, &trust, sizeof(trust));
	list = open_attribute(m, IFLA_VF_VLAN_LIST);
	add(m, IFLA_VF_VLAN_INFO, &vlan, sizeof(vlan));
	close_attribute(m, list);
	add(m, IFLA_VF_STATS, rest, sizeof(rest));
	close_attribute(m, info);
}

static struct message *link_message(unsigned vfs)
{
	static const unsigned char permanent[] = { 2, 4, 6, 8, 10, 12 };
	struct message *m = xcalloc(1, sizeof(*m));
	struct nlmsghdr *header = reserve(m, sizeof(*header));
	struct ifinfomsg *info = reserve(m, sizeof(*info));
	const unsigned mtu = 9000;
	struct rtattr *list;

	info->ifi_flags = IFF_UP;
	add(m, IFLA_MTU, &mtu, sizeof(mtu));
	add(m, IFLA_NUM_VF, &vfs, sizeof(vfs));
	list = open_attribute(m, IFLA_VFINFO_LIST);
	for (unsigned i = 0; i < vfs; i++)
		add_vf(m, i);
	close_attribute(m, list);
	add(m, IFLA_PERM_ADDRESS, permanent, sizeof(permanent));
	header->nlmsg_type = RTM_NEWLINK;
	header->nlmsg_len = (unsigned)m->size;
	return m;
}

static void test_vfs(unsigned n)
{
	_cleanup_free_ struct message *m = link_message(n);
	_cleanup_(link_done) struct link link = {};
	_cleanup_free_ char *text = NULL;
	size_t right = 0;

	is_int(netlink_parse_link(m->data, m->size, &link), 0, "a list of %u VFs", n);
	for (unsigned i = 0; i < link.n_vfs; i++)
		right += vf_knows(&link.vfs[i], VF_MAC) &&
			 link.vfs[i].value[VF_MAC] == (0x020000000000 | i);
	is_int((long)right, n, "each of the %u has its own address", n);
	ok(link.up && link.mtu == 9000, "MTU and state");
	ok(link.permanent_mac == 0x020406080a0c, "what stands behind the list is found");
	if (!n)
		return;
	text = vf_values_text(&link.vfs[0]);
	is_string(text,
		  "mac 02:00:00:00:00:00, vlan 100, qos 0, vlan_proto 802.1q, "
		  "min_tx_rate 10 Mbit/s, max_tx_rate 20 Mbit/s, spoof_check on",
		  "values; what the driver does not report is not known");
}

static void test_damaged(void)
{
	_cleanup_free_ struct message *m = link_message(3);
	struct nlmsghdr *header = (struct nlmsghdr *)m->data;
	unsigned refused = 0, sizes = 0;

	for (size_t size = 0; size < m->size; size += 4, sizes++) {
		_cleanup_free_ char *copy = xcalloc(1, size + 1);
		_cleanup_(link_done) struct link link = {};

		/* a copy of exactly that size: the sanitizer sees who reads on */
		memcpy(copy, m->data, size);
		if (size >= sizeof(*header))
			((struct nlmsghdr *)copy)->nlmsg_len = (unsigned)size;
		refused += netlink_parse_link(copy, size, &link) == -EBADMSG;
	}
	ok(refused > 0 && refused < sizes, "cut off anywhere: %u of %u refused", refused,
	   sizes);
	header->nlmsg_type = RTM_DELLINK;
	is_int(netlink_parse_link(m->data, m->size, &(struct link){}), -EBADMSG,
	       "another message is refused");
}

/* The kernel's own answers, in a network of this process's own, where nobody is
 * disturbed. */
static void test_kernel(void)
{
	_cleanup_free_ char *why = NULL;
	struct eswitch eswitch = {};
	struct vf_values values = {};
	struct link link = {};

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		ok(true, "the kernel's answers # SKIP no network namespaces");
		return;
	}
	is_int(netlink_set_mtu(1, 1400, &why), 0, "the MTU is set");
	is_int(netlink_read(1, &link), 0, "the link is read");
	ok(link.mtu == 1400 && !link.up && link.n_vfs == 0, "with that MTU, and down");
	link_done(&link);
	is_int(netlink_set_up(1, &why), 0, "it is set up");
	is_int(netlink_read(1, &link), 0, "it is read again");
	ok(link.mtu == 1400 && link.up, "and is up");
	link_done(&link);
	is_string(why, NULL, "nothing was wrong so far");
	is_int(netlink_set_mtu(1, 0x80000000, &why), -EINVAL, "an MTU without sense");
	ok(why && strstr(why, "mtu"), "the kernel says why");
	is_int(netlink_read(99, &link), -ENODEV, "there is no such link to read");
	is_int(netlink_set_up(99, NULL), -ENODEV, "nor to set up");
	for (int key = 0; key < N_VF_KEYS; key++)
		if (VF_BY_NETLINK >> key & 1)
			vf_values_set(&values, (enum vf_key)key, 1);
	is_int(netlink_set_vf(1, 0, &values, NULL), -EOPNOTSUPP, "a link without VFs");
	is_int(netlink_read_eswitch("0000:ff:1f.7", &eswitch), 0, "no such PCI function");
	is_int((long)eswitch.value[ESWITCH_MODE], ESWITCH_LEGACY, "counts as legacy");
	ok(netlink_set_eswitch("0000:ff:1f.7", ESWITCH_MODE, ESWITCH_LEGACY, NULL) < 0,
	   "and its eswitch cannot be set");
}

int main(void)
{
	test_vfs(0);
	test_vfs(7);
	test_vfs(222);
	test_vfs(256);
	test_vfs(700);
	test_damaged();
	test_kernel();
	return done();
}
