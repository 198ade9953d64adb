/* VF values: from words to numbers and back, differences, stable addresses. */
#include "tap.h"
#include "vf.h"

#include <linux/if_ether.h>

static void test_parse(void)
{
	static const struct {
		enum vf_key key;
		const char *text;
		uint64_t value; /* 0: refused */
	} cases[] = {
		{ VF_MAC, "52:54:00:12:34:5F", 0x52540012345f },
		{ VF_MAC, "stable", VF_MAC_STABLE },
		{ VF_MAC, "01:00:5e:00:00:01", 0 }, /* multicast */
		{ VF_MAC, "00:00:00:00:00:00", 0 },
		{ VF_MAC, "52:54:00:12:34", 0 },
		{ VF_MAC, "52:54:00:12:34:5g", 0 },
		{ VF_MAC, "52:54:00:12:34:5f:", 0 },
		{ VF_MAC, "52-54-00-12-34-5f", 0 },
		{ VF_NODE_GUID, "00:11:22:33:44:55:66:77", 0x0011223344556677 },
		{ VF_PORT_GUID, "stable", 0 },
		{ VF_VLAN_PROTO, "802.1ad", ETH_P_8021AD },
		{ VF_VLAN_PROTO, "802.1Q", 0 },
		{ VF_LINK_STATE, "disable", 2 },
		{ VF_LINK_STATE, "up", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *expected = NULL;
		uint64_t value = 0;
		int r = vf_key_parse(cases[i].key, cases[i].text, &value, &expected);

		ok((r == 0) == (cases[i].value != 0) &&
			   (r < 0 || value == cases[i].value) && expected,
		   "%s = \"%s\"", vf_key_name(cases[i].key), cases[i].text);
	}
	is_int(vf_key_find("trust"), VF_TRUST, "a key by name");
	is_int(vf_key_find("speed"), N_VF_KEYS, "no such key");
}

static void difference_is(const char *what, const struct vf_values *wanted,
			  const struct vf_values *found, const char *want)
{
	const struct vf_values set = vf_values_difference(wanted, found);
	_cleanup_free_ char *got = vf_values_text(&set);

	is_string(got, want, "%s", what);
}

static void test_difference(void)
{
	struct vf_values wanted = {}, found = {};

	difference_is("nothing said, nothing set", &wanted, &found, "");
	vf_values_set(&wanted, VF_MAC, 0x525400000001);
	vf_values_set(&wanted, VF_VLAN, 100);
	vf_values_set(&wanted, VF_MAX_TX_RATE, 1000);
	vf_values_set(&wanted, VF_TRUST, 1);
	difference_is("all, with the rest of each group", &wanted, &found,
		      "mac 52:54:00:00:00:01, vlan 100, qos 0, vlan_proto 802.1q, "
		      "min_tx_rate 0 Mbit/s, max_tx_rate 1000 Mbit/s, trust on");
	found = vf_values_merge(&wanted, &found);
	vf_values_set(&found, VF_QOS, 3);
	vf_values_set(&found, VF_VLAN_PROTO, ETH_P_8021AD);
	vf_values_set(&found, VF_SPOOF_CHECK, 1);
	difference_is("what is right or not said stays", &wanted, &found, "");
	ok(!vf_values_alike(&wanted, &found), "more is known");
	found = wanted;
	vf_values_set(&found, VF_MAC, 0x525400000002);
	ok(vf_values_alike(&wanted, &found), "alike but for the address");
	vf_values_set(&found, VF_QOS, 3);
	vf_values_set(&found, VF_VLAN_PROTO, ETH_P_8021AD);
	vf_values_set(&found, VF_VLAN, 7);
	vf_values_set(&found, VF_MAC, 0x525400000001);
	ok(!vf_values_alike(&wanted, &found), "another VLAN");
	difference_is("the rest of a group stays as found", &wanted, &found,
		      "vlan 100, qos 3, vlan_proto 802.1ad");
}

static void test_stable_mac(void)
{
	const uint64_t pf = 0xa0369f123456, next = 0xa0369f123457;
	struct vf_values values = {};

	vf_values_set(&values, VF_MAC, vf_stable_mac(pf, 3));
	_cleanup_free_ char *text = vf_values_text(&values);

	is_string(text, "mac 92:12:34:56:00:03", "it shows the PF and the index");
	ok(vf_stable_mac(pf, 1) != vf_stable_mac(next, 0),
	   "neighbouring PFs do not share addresses");
	is_int((long)(vf_stable_mac(0xffffffffffff, 65535) >> 40 & 0xf), 2,
	       "always unicast and locally administered");
}

int main(void)
{
	test_parse();
	test_difference();
	test_stable_mac();
	return done();
}
