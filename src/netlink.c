#include "netlink.h"

#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_SECONDS 10
/* The answer about 330 VFs does not fit libnl's 64 KiB: ENOBUFS (seen on Linux 6.12). */
#define BUFFER_BYTES (4 * 1024 * 1024)

void link_done(struct link *link)
{
	free(link->vfs);
	*link = (struct link){};
}

static void free_socket(struct nl_sock **socket)
{
	nl_socket_free(*socket);
}

static void free_message(struct nl_msg **message)
{
	nlmsg_free(*message);
}

#define _cleanup_message_ _cleanup_(free_message)

static int open_socket(int protocol, struct nl_sock **ret)
{
	_cleanup_(free_socket) struct nl_sock *socket = nl_socket_alloc();
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	int fd, yes = 1, room = BUFFER_BYTES;

	if (!socket)
		abort();
	if (nl_connect(socket, protocol) < 0)
		return -EIO;
	fd = nl_socket_get_fd(socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes)) < 0)
		return -errno;
	/* without CAP_NET_ADMIN as much as net.core.rmem_max allows */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0)
		return -errno;
	*ret = steal_pointer(&socket);
	return 0;
}

/* netlink_ack_tlv_fill(): attributes follow the error, since CAP_ACK cuts our own message
 * off. */
static int read_error(const struct nlmsghdr *answer, char **ret_why)
{
	const struct nlmsgerr *error = nlmsg_data(answer);
	const struct nlattr *text;

	if (nlmsg_datalen(answer) < (int)sizeof(*error))
		return -EBADMSG;
	if (error->error == 0 || !(answer->nlmsg_flags & NLM_F_ACK_TLVS) || !ret_why)
		return error->error;
	text = nlmsg_find_attr((struct nlmsghdr *)answer, sizeof(*error),
			       NLMSGERR_ATTR_MSG);
	if (text)
		*ret_why = xstrndup(nla_data(text), (size_t)nla_len(text));
	return error->error;
}

/*
 * Sends one request and takes its one answer: an error (0: done), or a message that
 * becomes the caller's. rtnetlink_rcv() works inside our sendmsg(), so what is waited for
 * there is the driver. nl_recv() looks at the size first, so the answer may be of any.
 */
static int talk(int protocol, struct nl_msg *request, unsigned char **ret,
		size_t *ret_size, char **ret_why)
{
	_cleanup_(free_socket) struct nl_sock *socket = NULL;
	_cleanup_free_ unsigned char *data = NULL;
	struct sockaddr_nl peer;
	const struct nlmsghdr *answer;
	int n, r = open_socket(protocol, &socket);

	if (r < 0)
		return r;
	if (nl_send_auto(socket, request) < 0)
		return -EIO;
	errno = 0;
	n = nl_recv(socket, &peer, &data, NULL);
	answer = (const struct nlmsghdr *)data;
	if (n <= 0)
		return n == 0 || errno == EAGAIN ? -ETIMEDOUT : errno ? -errno : -EIO;
	if (!nlmsg_ok(answer, n))
		return -EBADMSG;
	if (answer->nlmsg_type == NLMSG_ERROR)
		return read_error(answer, ret_why);
	if (!ret)
		return -EBADMSG;
	*ret = steal_pointer(&data);
	*ret_size = (size_t)n;
	return 0;
}

/* The value of a struct { __u32 vf; __u32 value; }, which most attributes are. */
static void take_setting(struct vf_values *values, enum vf_key key,
			 const struct nlattr *attribute)
{
	/* alike: ifla_vf_trust, ifla_vf_rss_query_en, ifla_vf_link_state */
	struct ifla_vf_spoofchk data;

	if (nla_memcpy(&data, attribute, sizeof(data)) == sizeof(data) &&
	    data.setting != UINT32_MAX) /* rtnl_fill_vfinfo(): not reported */
		vf_values_set(values, key, data.setting);
}

static void take_guid(struct vf_values *values, enum vf_key key,
		      const struct nlattr *attribute)
{
	struct ifla_vf_guid data;

	if (nla_memcpy(&data, attribute, sizeof(data)) == sizeof(data))
		vf_values_set(values, key, data.guid);
}

static void take_mac(struct vf_values *values, const struct nlattr *attribute)
{
	struct ifla_vf_mac data;
	uint64_t mac = 0;

	if (nla_memcpy(&data, attribute, sizeof(data)) != sizeof(data))
		return;
	for (int i = 0; i < 6; i++)
		mac = mac << 8 | data.mac[i];
	vf_values_set(values, VF_MAC, mac);
}

static void take_rate(struct vf_values *values, const struct nlattr *attribute)
{
	struct ifla_vf_rate data;

	if (nla_memcpy(&data, attribute, sizeof(data)) != sizeof(data))
		return;
	vf_values_set(values, VF_MIN_TX_RATE, data.min_tx_rate);
	vf_values_set(values, VF_MAX_TX_RATE, data.max_tx_rate);
}

/* The list holds the one VLAN that a driver reports. */
static void take_vlan(struct vf_values *values, const struct nlattr *list)
{
	const struct nlattr *attribute =
		nla_find(nla_data(list), nla_len(list), IFLA_VF_VLAN_INFO);
	struct ifla_vf_vlan_info data;

	if (!attribute || nla_memcpy(&data, attribute, sizeof(data)) != sizeof(data))
		return;
	vf_values_set(values, VF_VLAN, data.vlan);
	vf_values_set(values, VF_QOS, data.qos);
	vf_values_set(values, VF_VLAN_PROTO, ntohs(data.vlan_proto));
}

static struct vf_values take_vf(const struct nlattr *info)
{
	struct vf_values values = {};
	const struct nlattr *attribute;
	int rest;

	nla_for_each_nested(attribute, info, rest)
	{
		switch (nla_type(attribute)) {
		case IFLA_VF_MAC:
			take_mac(&values, attribute);
			break;
		case IFLA_VF_VLAN_LIST:
			take_vlan(&values, attribute);
			break;
		case IFLA_VF_RATE:
			take_rate(&values, attribute);
			break;
		case IFLA_VF_SPOOFCHK:
			take_setting(&values, VF_SPOOF_CHECK, attribute);
			break;
		case IFLA_VF_TRUST:
			take_setting(&values, VF_TRUST, attribute);
			break;
		case IFLA_VF_LINK_STATE:
			take_setting(&values, VF_LINK_STATE, attribute);
			break;
		case IFLA_VF_RSS_QUERY_EN:
			take_setting(&values, VF_RSS_QUERY, attribute);
			break;
		case IFLA_VF_IB_NODE_GUID:
			take_guid(&values, VF_NODE_GUID, attribute);
			break;
		case IFLA_VF_IB_PORT_GUID:
			take_guid(&values, VF_PORT_GUID, attribute);
			break;
		}
	}
	return values;
}

/*
 * `n` entries from *at on, the list's beginning, whatever the list says of its length;
 * leaves *at behind the last.
 */
static int take_vfs(struct link *link, const struct nlattr **at, const char *end,
		    unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct nlattr *info = *at;
		int rest = (int)(end - (const char *)info);

		if (!nla_ok(info, rest) || nla_type(info) != IFLA_VF_INFO)
			return -EBADMSG;
		*array_add(link->vfs, link->n_vfs) = take_vf(info);
		*at = nla_next(info, &rest);
	}
	return 0;
}

static uint64_t permanent_mac(const struct nlattr *attribute)
{
	uint64_t mac = 0;

	for (int i = 0; attribute && nla_len(attribute) == 6 && i < 6; i++)
		mac = mac << 8 | ((const uint8_t *)nla_data(attribute))[i];
	return mac;
}

int netlink_parse_link(const void *message, size_t size, struct link *ret)
{
	struct nlmsghdr *header = (struct nlmsghdr *)message;
	const struct ifinfomsg *info = nlmsg_data(header);
	const char *end = (const char *)message + size;
	const struct nlattr *mtu, *n, *list, *at;
	struct link link = {};
	int r = 0;

	if (!nlmsg_ok(header, (int)size) || header->nlmsg_type != RTM_NEWLINK ||
	    !nlmsg_valid_hdr(header, sizeof(*info)))
		return -EBADMSG;
	at = nlmsg_attrdata(header, sizeof(*info));
	link.up = info->ifi_flags & IFF_UP;
	link.running = info->ifi_flags & IFF_RUNNING;
	mtu = nlmsg_find_attr(header, sizeof(*info), IFLA_MTU);
	link.mtu = mtu ? nla_get_u32(mtu) : 0;
	n = nlmsg_find_attr(header, sizeof(*info), IFLA_NUM_VF);
	list = nlmsg_find_attr(header, sizeof(*info), IFLA_VFINFO_LIST);
	if (n && list) {
		at = nla_data(list);
		r = take_vfs(&link, &at, end, nla_get_u32(n));
	}
	if (r < 0) {
		link_done(&link);
		return r;
	}
	/* rtnl_fill_ifinfo() puts it behind the list */
	link.permanent_mac = permanent_mac(
		nla_find(at, (int)(end - (const char *)at), IFLA_PERM_ADDRESS));
	*ret = link;
	return 0;
}

static struct nl_msg *new_request(int type, int flags, const struct ifinfomsg *info)
{
	struct nl_msg *request = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (!request ||
	    nlmsg_append(request, (void *)info, sizeof(*info), NLMSG_ALIGNTO) < 0)
		abort();
	return request;
}

static struct ifinfomsg about(unsigned ifindex)
{
	return (struct ifinfomsg){ .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
}

/* Out of memory is the only way for these to fail. */
static void put(struct nl_msg *request, int type, const void *data, size_t size)
{
	if (nla_put(request, type, (int)size, data) < 0)
		abort();
}

static struct nlattr *begin(struct nl_msg *request, int type)
{
	struct nlattr *nest = nla_nest_start(request, type);

	if (!nest)
		abort();
	return nest;
}

int netlink_read(unsigned ifindex, struct link *ret)
{
	/* without statistics 334 VFs fit the list's 16 bits of length, not 222 */
	const uint32_t mask = RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS;
	const struct ifinfomsg info = about(ifindex);
	_cleanup_message_ struct nl_msg *request = new_request(RTM_GETLINK, 0, &info);
	_cleanup_free_ unsigned char *answer = NULL;
	size_t size = 0;
	int r;

	put(request, IFLA_EXT_MASK, &mask, sizeof(mask));
	r = talk(NETLINK_ROUTE, request, &answer, &size, NULL);
	if (r < 0)
		return r;
	return answer ? netlink_parse_link(answer, size, ret) : -EBADMSG;
}

/* Structs of exact size: the kernel checks them since CVE-2024-36017. */
static void put_setting(struct nl_msg *request, int type, unsigned vf,
			const struct vf_values *values, enum vf_key key)
{
	const struct ifla_vf_spoofchk data = { vf, (uint32_t)values->value[key] };

	if (vf_knows(values, key))
		put(request, type, &data, sizeof(data));
}

static void put_guid(struct nl_msg *request, int type, unsigned vf,
		     const struct vf_values *values, enum vf_key key)
{
	const struct ifla_vf_guid data = { .vf = vf, .guid = values->value[key] };

	if (vf_knows(values, key))
		put(request, type, &data, sizeof(data));
}

static void put_mac(struct nl_msg *request, unsigned vf, uint64_t mac)
{
	struct ifla_vf_mac data = { .vf = vf };

	for (int i = 0; i < 6; i++)
		data.mac[i] = (uint8_t)(mac >> (5 - i) * 8);
	put(request, IFLA_VF_MAC, &data, sizeof(data));
}

static void put_vlan(struct nl_msg *request, unsigned vf, const struct vf_values *values)
{
	const struct ifla_vf_vlan_info data = {
		.vf = vf,
		.vlan = (uint32_t)values->value[VF_VLAN],
		.qos = (uint32_t)values->value[VF_QOS],
		.vlan_proto = htons((uint16_t)values->value[VF_VLAN_PROTO]),
	};
	struct nlattr *list = begin(request, IFLA_VF_VLAN_LIST);

	put(request, IFLA_VF_VLAN_INFO, &data, sizeof(data));
	nla_nest_end(request, list);
}

static void put_rate(struct nl_msg *request, unsigned vf, const struct vf_values *values)
{
	const struct ifla_vf_rate data = {
		.vf = vf,
		.min_tx_rate = (uint32_t)values->value[VF_MIN_TX_RATE],
		.max_tx_rate = (uint32_t)values->value[VF_MAX_TX_RATE],
	};

	put(request, IFLA_VF_RATE, &data, sizeof(data));
}

int netlink_set_vf(unsigned ifindex, unsigned vf, const struct vf_values *values,
		   char **ret_why)
{
	const struct ifinfomsg about_it = about(ifindex);
	_cleanup_message_ struct nl_msg *request =
		new_request(RTM_SETLINK, NLM_F_ACK, &about_it);
	struct nlattr *list = begin(request, IFLA_VFINFO_LIST);
	struct nlattr *info = begin(request, IFLA_VF_INFO);

	if (vf_knows(values, VF_MAC))
		put_mac(request, vf, values->value[VF_MAC]);
	if (vf_knows(values, VF_VLAN))
		put_vlan(request, vf, values);
	if (vf_knows(values, VF_MAX_TX_RATE))
		put_rate(request, vf, values);
	put_setting(request, IFLA_VF_SPOOFCHK, vf, values, VF_SPOOF_CHECK);
	put_setting(request, IFLA_VF_LINK_STATE, vf, values, VF_LINK_STATE);
	put_setting(request, IFLA_VF_RSS_QUERY_EN, vf, values, VF_RSS_QUERY);
	put_setting(request, IFLA_VF_TRUST, vf, values, VF_TRUST);
	put_guid(request, IFLA_VF_IB_NODE_GUID, vf, values, VF_NODE_GUID);
	put_guid(request, IFLA_VF_IB_PORT_GUID, vf, values, VF_PORT_GUID);
	nla_nest_end(request, info);
	nla_nest_end(request, list);
	return talk(NETLINK_ROUTE, request, NULL, NULL, ret_why);
}

int netlink_set_mtu(unsigned ifindex, unsigned mtu, char **ret_why)
{
	const struct ifinfomsg info = about(ifindex);
	_cleanup_message_ struct nl_msg *request =
		new_request(RTM_SETLINK, NLM_F_ACK, &info);

	put(request, IFLA_MTU, &(uint32_t){ mtu }, sizeof(uint32_t));
	return talk(NETLINK_ROUTE, request, NULL, NULL, ret_why);
}

int netlink_set_up(unsigned ifindex, char **ret_why)
{
	struct ifinfomsg info = about(ifindex);
	_cleanup_message_ struct nl_msg *request = NULL;

	info.ifi_flags = info.ifi_change = IFF_UP;
	request = new_request(RTM_SETLINK, NLM_F_ACK, &info);
	return talk(NETLINK_ROUTE, request, NULL, NULL, ret_why);
}

static struct nl_msg *new_generic(unsigned family, int flags, int command)
{
	const struct genlmsghdr header = { .cmd = (uint8_t)command, .version = 1 };
	struct nl_msg *request = nlmsg_alloc_simple((int)family, NLM_F_REQUEST | flags);

	if (!request ||
	    nlmsg_append(request, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
		abort();
	return request;
}

static const struct nlattr *generic_attribute(const unsigned char *answer, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)answer, sizeof(struct genlmsghdr),
			       type);
}

/* The number of a generic netlink family is given at boot. */
static int find_devlink(unsigned *ret)
{
	_cleanup_message_ struct nl_msg *request =
		new_generic(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	_cleanup_free_ unsigned char *answer = NULL;
	const struct nlattr *id;
	size_t size;
	int r;

	put(request, CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME, sizeof(DEVLINK_GENL_NAME));
	r = talk(NETLINK_GENERIC, request, &answer, &size, NULL);
	if (r < 0)
		return r;
	id = answer ? generic_attribute(answer, CTRL_ATTR_FAMILY_ID) : NULL;
	if (!id)
		return -EBADMSG;
	*ret = nla_get_u16(id);
	return 0;
}

static int new_devlink(const char *address, int flags, int command, struct nl_msg **ret)
{
	unsigned family;
	int r = find_devlink(&family);

	if (r < 0)
		return r;
	*ret = new_generic(family, flags, command);
	put(*ret, DEVLINK_ATTR_BUS_NAME, "pci", sizeof("pci"));
	put(*ret, DEVLINK_ATTR_DEV_NAME, address, strlen(address) + 1);
	return 0;
}

static const struct {
	int type;
	size_t size; /* 2: u16, 1: u8 */
} eswitch_attributes[N_ESWITCH_KEYS] = {
	[ESWITCH_MODE] = { DEVLINK_ATTR_ESWITCH_MODE, 2 },
	[ESWITCH_INLINE] = { DEVLINK_ATTR_ESWITCH_INLINE_MODE, 1 },
	[ESWITCH_ENCAP] = { DEVLINK_ATTR_ESWITCH_ENCAP_MODE, 1 },
};

int netlink_read_eswitch(const char *address, struct eswitch *ret)
{
	_cleanup_message_ struct nl_msg *request = NULL;
	_cleanup_free_ unsigned char *answer = NULL;
	size_t size;
	int r = new_devlink(address, 0, DEVLINK_CMD_ESWITCH_GET, &request);

	if (r == 0)
		r = talk(NETLINK_GENERIC, request, &answer, &size, NULL);
	/* no devlink in the kernel, none of this device, no eswitch in it */
	if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP) {
		ret->value[ESWITCH_MODE] = ESWITCH_LEGACY;
		return 0;
	}
	for (int key = 0; r == 0 && answer && key < N_ESWITCH_KEYS; key++) {
		const struct nlattr *a =
			generic_attribute(answer, eswitch_attributes[key].type);

		if (a && nla_len(a) >= (int)eswitch_attributes[key].size)
			ret->value[key] =
				1u + (eswitch_attributes[key].size == 2 ? nla_get_u16(a) :
									  nla_get_u8(a));
	}
	return r;
}

int netlink_set_eswitch(const char *address, enum eswitch_key key, unsigned value,
			char **ret_why)
{
	_cleanup_message_ struct nl_msg *request = NULL;
	const uint16_t wide = (uint16_t)(value - 1);
	const uint8_t narrow = (uint8_t)wide;
	bool is_wide = eswitch_attributes[key].size == 2;
	int r = new_devlink(address, NLM_F_ACK, DEVLINK_CMD_ESWITCH_SET, &request);

	if (r < 0)
		return r;
	put(request, eswitch_attributes[key].type,
	    is_wide ? (const void *)&wide : &narrow, eswitch_attributes[key].size);
	return talk(NETLINK_GENERIC, request, NULL, NULL, ret_why);
}
