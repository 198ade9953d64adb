/* What is found below a PF's folder: attributes that stay inside, the netdev that is its
 * own. */
#include "attribute.h"
#include "fixture.h"
#include "netdev.h"

#include <errno.h>

#define PF "sys/bus/pci/devices/0000:01:00.0"

static void add_netdev(struct fixture *f, const char *name, const char *ifindex,
		       const char *dev_port, const char *port_name)
{
	_cleanup_free_ char *path = xasprintf(PF "/net/%s/ifindex", name);

	fixture_write(f, path, ifindex);
	free(path);
	path = xasprintf(PF "/net/%s/dev_port", name);
	fixture_write(f, path, dev_port);
	free(path);
	path = xasprintf(PF "/net/%s/phys_port_name", name);
	if (port_name)
		fixture_write(f, path, port_name);
}

static void netdev_is(const char *what, struct fixture *f, int want_result, unsigned want)
{
	unsigned ifindex = 0;

	is_int(netdev_of_pf(&f->root, "0000:01:00.0", &ifindex), want_result, "%s", what);
	is_int(ifindex, want, "%s: ifindex", what);
	fixture_close(f);
	fixture_open(f);
}

static void test_netdev(void)
{
	struct fixture f;

	fixture_open(&f);
	netdev_is("none", &f, -ENODEV, 0);
	add_netdev(&f, "eth0", "2", "0", NULL);
	netdev_is("the only one", &f, 0, 2);
	add_netdev(&f, "eth0", "2", "0", "pf0vf0");
	add_netdev(&f, "eth1", "3", "0", "c1pf0vf1");
	add_netdev(&f, "eth2", "4", "0", "p0");
	netdev_is("the uplink behind representors", &f, 0, 4);
	add_netdev(&f, "eth0", "7", "1", NULL);
	add_netdev(&f, "eth1", "8", "0", NULL);
	netdev_is("the first of two ports", &f, 0, 8);
	add_netdev(&f, "eth0", "7", "0", NULL);
	add_netdev(&f, "eth1", "8", "0", NULL);
	netdev_is("two of one port", &f, -ENOTUNIQ, 0);
	fixture_close(&f);
}

static void test_attribute(void)
{
	_cleanup_(root_done) struct root device = { .fd = -1 };
	_cleanup_free_ char *value = NULL, *link = NULL;
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, PF "/power/control", "on\n");
	fixture_write(&f, PF "/beside", "1\n");
	fixture_write(&f, "sys/bus/pci/drivers/igb/unbind", "untouched\n");
	link = xasprintf("%s/" PF "/driver", f.path);
	if (symlink("../../drivers/igb", link) < 0 ||
	    root_enter(&f.root, &device, PF) < 0)
		abort();
	is_int(attribute_read(&device, "power/control", &value), 0, "one in a folder");
	is_string(value, "on", "its value");
	is_int(attribute_write(&device, "beside", "2"), 0, "one is written");
	is_int(attribute_write(&device, "driver/unbind", "x"), -ELOOP,
	       "a link leads out of the device");
	is_int(attribute_write(&device, "driver", "x"), -ELOOP, "the link itself");
	is_int(attribute_write(&device, "power/nothing", "x"), -ENOENT, "there is none");
	free(value);
	root_read(&f.root, &value, "sys/bus/pci/drivers/igb/unbind");
	is_string(value, "untouched", "nothing was written outside");
	fixture_close(&f);
}

int main(void)
{
	test_netdev();
	test_attribute();
	return done();
}
