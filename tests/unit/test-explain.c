/* Which rule governs, and what is said of the others. */
#include "explain.h"
#include "tap.h"

static struct match match(const char *address, const char *interface)
{
	return (struct match){ .address = (char *)address,
			       .interface = (char *)interface,
			       .vendor = -1,
			       .device = -1 };
}

static void explains(const char *what, const char *name, const char *want)
{
	struct netdev netdev = { .name = (char *)"eno1" };
	struct function functions[] = {
		{ .address = (char *)"0000:01:00.0",
		  .netdevs = &netdev,
		  .n_netdevs = 1,
		  .total_vfs = 7,
		  .pf = NONE },
		{ .address = (char *)"0000:01:10.0", .pf = 0 },
		{ .address = (char *)"0000:05:00.0", .pf = NONE },
	};
	struct system system = { .functions = functions, .n_functions = 3 };
	struct pf_rule pfs[] = {
		{ .where = { "f", 1 }, .match = match(NULL, "eno2") },
		{ .where = { "f", 2 }, .match = match("0000:01:00.0", "eno1") },
		{ .where = { "f", 3 }, .match = match(NULL, "eno1") },
	};
	struct device_rule device = { .where = { "f", 4 },
				      .match = match("0000:05:00.0", NULL) };
	struct config config = {
		.pfs = pfs, .n_pfs = 3, .devices = &device, .n_devices = 1
	};
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const struct function *f = explain_find(&system, name);

	if (f)
		explain_print(out, &config, &system, f);
	fclose(out);
	is_string(text, want, "%s", what);
}

#define OF_PF                                                      \
	"0000:01:00.0: a PF of up to 7 VFs\n"                      \
	"  f:1: pf rule does not match\n"                          \
	"    interface  wanted eno2, found eno1\n"                 \
	"  f:2: pf rule governs it\n"                              \
	"    address    wanted 0000:01:00.0, found 0000:01:00.0\n" \
	"    interface  wanted eno1, found eno1\n"                 \
	"  f:3: pf rule matches too, but f:2 comes first\n"        \
	"    interface  wanted eno1, found eno1\n"                 \
	"  f:4: device rule does not match\n"                      \
	"    address    wanted 0000:05:00.0, found 0000:01:00.0\n"

int main(void)
{
	explains("a PF by interface", "eno1", OF_PF);
	explains("by short address", "01:00.0", OF_PF);
	explains("a VF by its PF", "0000:01:10.0",
		 "0000:01:10.0: VF 0 of 0000:01:00.0, whose rule governs it:\n" OF_PF);
	explains("a device", "0000:05:00.0",
		 "0000:05:00.0: makes no VFs, so pf rules do not look at it\n"
		 "  f:4: device rule governs it\n"
		 "    address    wanted 0000:05:00.0, found 0000:05:00.0\n");
	explains("nobody", "eno9", "");
	return done();
}
