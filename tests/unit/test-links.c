/* Links by resource, and what is told when an address changes. */
#include "links.h"
#include "fixture.h"
#include "moved.h"
#include "plan-fixture.h"

#define POOL "run/sriov-setup/by-resource/example.com/vf/"

static void link_is(struct fixture *f, const char *name, const char *want)
{
	_cleanup_free_ char *path = xasprintf("%s/" POOL "%s", f->path, name);
	char target[128] = "";

	if (readlink(path, target, sizeof(target) - 1) < 0)
		is_string(NULL, want, "link %s", name);
	else
		is_string(target, want, "link %s", name);
}

static void test_links(void)
{
	struct system s = {};
	struct config c = {};
	const struct export_input input = { .config = &c, .system = &s };
	struct fixture f;

	fixture_open(&f);
	add_pf(&s, "0000:01:00.0", 0x8086, 0x1572, "i40e");
	add_vfs(&s, 0, 2, "vfio-pci");
	add_pf(&s, "0000:02:00.0", 0x8086, 0x1572, "i40e");
	add_vfs(&s, 3, 1, "vfio-pci");
	add_pf_rule(&c, "0000:01:00.0", 2, "vfio-pci")->resource =
		xstrdup("example.com/vf");
	add_pf_rule(&c, "0000:02:00.0", 1, "vfio-pci")->resource =
		xstrdup("example.com/vf");
	is_int(links_write(&f.root, &input), 0, "links are made");
	link_is(&f, "0", "/sys/bus/pci/devices/0000:01:01.0");
	link_is(&f, "1", "/sys/bus/pci/devices/0000:01:01.1");
	link_is(&f, "2", "/sys/bus/pci/devices/0000:02:01.0");
	free(s.functions[1].driver);
	s.functions[1].driver = NULL;
	free(s.functions[4].address);
	s.functions[4].address = xstrdup("0000:09:01.0");
	is_int(links_write(&f.root, &input), 0, "one has lost its driver, one moved");
	link_is(&f, "0", NULL);
	link_is(&f, "1", "/sys/bus/pci/devices/0000:01:01.1");
	link_is(&f, "2", "/sys/bus/pci/devices/0000:09:01.0");
	is_int(links_remove(&f.root), 0, "all go");
	ok(!root_exists(&f.root, LINKS_DIR), "with their folders");
	config_done(&c);
	system_done(&s);
	fixture_close(&f);
}

/* What is said about this machine. */
static char *check(struct fixture *f, struct config *c, struct system *s)
{
	char *said;

	capture_start();
	moved_check(&f->root, c, s);
	said = capture_end();
	return said;
}

static void test_moved(void)
{
	struct system s = {};
	struct config c = {};
	struct fixture f;
	_cleanup_free_ char *first = NULL, *second = NULL, *third = NULL, *kept = NULL;

	fixture_open(&f);
	fixture_write(&f, MOVED_STATE, "mac 52:54:00:00:00:09 0000:0a:00.0\n");
	add_pf(&s, "0000:01:00.0", 0x8086, 0x1572, "i40e");
	add_netdev(&s.functions[0], "eno1", true)->mac = xstrdup("52:54:00:00:00:01");
	add_pf_rule(&c, "0000:01:00.0", 0, "vfio-pci");
	add_pf_rule(&c, "0000:02:00.0", 0, "vfio-pci");
	first = check(&f, &c, &s);
	is_string(first, "", "nothing is known of it yet");
	free(s.functions[0].address);
	s.functions[0].address = xstrdup("0000:02:00.0");
	second = check(&f, &c, &s);
	ok(strstr(second, "0000:02:00.0: was at 0000:01:00.0 when it was last seen (mac "
			  "52:54:00:00:00:01); look at the rules that go by address: "
			  "/etc/sriov.conf:3 /etc/sriov.conf:3\n") != NULL,
	   "a move is told, with the rules: %s", second);
	third = check(&f, &c, &s);
	is_string(third, "", "once");
	root_read(&f.root, &kept, MOVED_STATE);
	is_string(kept,
		  "mac 52:54:00:00:00:01 0000:02:00.0\n"
		  "mac 52:54:00:00:00:09 0000:0a:00.0",
		  "what is not here now is still known");
	config_done(&c);
	system_done(&s);
	fixture_close(&f);
}

int main(void)
{
	test_links();
	test_moved();
	return done();
}
