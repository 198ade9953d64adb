/*
 * Machines, configs and faults by dice: the promises hold for all. SEED=N repeats one
 * round; SECONDS_OF_DICE=N goes on for so long.
 */
#include "promise.h"

#include <fcntl.h>
#include <time.h>

struct dice {
	uint64_t state;
};

/* xorshift64*; 0 … n - 1 */
static unsigned roll(struct dice *dice, unsigned n)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (unsigned)((dice->state * 2685821657736338717ull >> 33) % n);
}

static bool rarely(struct dice *dice)
{
	return roll(dice, 6) == 0;
}

static const char *choose(struct dice *dice, const char *const *items, unsigned n)
{
	return items[roll(dice, n)];
}

#define CHOOSE(dice, ...)                                    \
	choose((dice), (const char *const[]){ __VA_ARGS__ }, \
	       ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* Three makes of PFs: IDs of VFs of their own, VF ID in common, same ID as the PF. */
static const char drivers[] = "driver nic ids=1111:0001 sriov netdevs\n"
			      "driver card ids=1111:0002 sriov\n"
			      "driver disk ids=2222:0001 sriov keeps_vfs\n";

static void write_function(FILE *out, struct dice *dice, unsigned i)
{
	static const struct {
		const char *id;
		unsigned vf_id; /* 0: no SR-IOV */
	} kinds[] = { { "1111:0001", 0x1001 },
		      { "1111:0002", 0x1001 },
		      { "2222:0001", 0x0001 },
		      { "3333:0001", 0 },
		      { "1111:1001", 0 } };
	unsigned kind = roll(dice, ARRAY_SIZE(kinds)), vfs = 1 + roll(dice, 9);

	fprintf(out, "function 0000:%02x:00.%u id=%s net=eth%u", 0x10 + i / 2 * 2, i % 2,
		kinds[kind].id, i);
	if (kinds[kind].vf_id) {
		fprintf(out, " vfs=%u vf_id=%x offset=%u stride=2", vfs,
			kinds[kind].vf_id, 128);
		if (roll(dice, 3) == 0)
			fprintf(out, " have=%u", 1 + roll(dice, vfs));
	}
	fputs(rarely(dice) ? " autoprobe=0" : "", out);
	fputs(rarely(dice) ? " shares_group" : "", out);
	fputs(rarely(dice) ? " group=77" : "", out);
	fputs(rarely(dice) ? " up" : "", out);
	fputs(rarely(dice) ? " master=br0" : "", out);
	fputs(rarely(dice) ? " boot_vga" : "", out);
	if (rarely(dice))
		fprintf(out, " disk=disk%u", i);
	fputc('\n', out);
}

static void write_machine(FILE *out, struct dice *dice)
{
	unsigned n = 1 + roll(dice, 6);

	fputs(rarely(dice) ? "no_iommu\n" : "", out);
	fputs(drivers, out);
	fprintf(out, "driver nicvf ids=1111:1001 netdevs%s\n",
		roll(dice, 3) ? "" : " up");
	fprintf(out, "driver vfio-pci%s\n", rarely(dice) ? " unloaded" : "");
	fputs("driver card-vfio-pci unloaded\n", out);
	for (unsigned i = 0; i < n; i++)
		write_function(out, dice, i);
}

/* Rules of one kind with the same match are refused, so `nth` makes them differ. */
static void write_match(FILE *out, struct dice *dice, unsigned nth)
{
	static const char *const names[] = { "nic", "card", "disk", "sound", "nicvf" };
	static const char *const ids[] = { "1111:0001", "1111:0002", "2222:0001",
					   "3333:0001", "1111:1001" };

	switch (roll(dice, 4)) {
	case 0:
		fprintf(out, "match = { address = \"0000:%02x:00.%u\"; };",
			0x10 + nth / 2 % 3 * 2, nth % 2);
		break;
	case 1:
		fprintf(out, "match = { interface = \"eth%u\"; };", nth % 6);
		break;
	case 2:
		fprintf(out, "match = { driver = \"%s\"; };",
			names[nth % ARRAY_SIZE(names)]);
		break;
	default:
		fprintf(out, "match = { id = \"%s\"; };", ids[nth % ARRAY_SIZE(ids)]);
	}
	if (rarely(dice))
		fputs(" required = true;", out);
}

static const char *vf_driver(struct dice *dice)
{
	return CHOOSE(dice, "vfio-pci", "vfio-pci", "native", "none", "nicvf",
		      "card-vfio-pci");
}

static void write_pf_rule(FILE *out, struct dice *dice, unsigned nth)
{
	unsigned vfs = roll(dice, 8); /* 7: left out */

	fputs("\t{ ", out);
	write_match(out, dice, nth);
	if (rarely(dice))
		fputs(" vfs = \"max\";", out);
	else if (vfs < 7)
		fprintf(out, " vfs = %u;", vfs);
	if (roll(dice, 2))
		fprintf(out, " driver = \"%s\";", vf_driver(dice));
	if (vfs > 3 && roll(dice, 2))
		fprintf(out,
			" vf = ( { index = \"0\"; driver = \"%s\"; }, "
			"{ index = \"2-3\"; driver = \"%s\"; } );",
			vf_driver(dice), vf_driver(dice));
	fputs(" }", out);
}

static void write_config(FILE *out, struct dice *dice)
{
	unsigned pfs = roll(dice, 5), devices = roll(dice, 3), first = roll(dice, 30);

	fputs(rarely(dice) ? "kernel = { vfio_ids = \"none\"; };\n" : "", out);
	fputs("export = { kubevirt = false; };\npf = (\n", out);
	for (unsigned i = 0; i < pfs; i++) {
		fputs(i ? ",\n" : "", out);
		write_pf_rule(out, dice, first + i);
	}
	fputs(" );\ndevice = (\n", out);
	for (unsigned i = 0; i < devices; i++) {
		fputs(i ? ",\n\t{ " : "\t{ ", out);
		write_match(out, dice, first + i);
		fprintf(out, " driver = \"%s\"; }",
			CHOOSE(dice, "vfio-pci", "vfio-pci", "card-vfio-pci"));
	}
	fputs(" );\n", out);
}

static void write_fault(FILE *out, struct dice *dice)
{
	fprintf(out, "fault %s",
		CHOOSE(dice, "*", "*/sriov_numvfs", "*/sriov_numvfs", "*/bind",
		       "*/driver_override", "*/unbind", "*/drivers_probe", "*0000:10:*"));
	fprintf(out, " nth=%u times=%u %s\n", 1 + roll(dice, 3) * roll(dice, 4),
		1 + roll(dice, 4),
		CHOOSE(dice, "errno=EIO", "errno=EBUSY", "errno=ENODEV", "errno=EAGAIN",
		       "make=1", "make=0", "delay=2", "vanish=0000:10:00.0"));
}

static char *text_of(void (*write)(FILE *out, struct dice *dice), struct dice *dice)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	write(out, dice);
	fclose(out);
	return text;
}

/* Without faults nothing is refused, and everything is done now. */
static char *settles(struct host *host, struct config *config)
{
	_cleanup_(trial_done) struct trial trial = {};
	char *why;

	trial_run(&trial, host, config, NULL);
	why = trial_broken(&trial);
	if (!why && strstr(trial.said, ": cannot "))
		why = xstrdup(trial.said);
	return why ? why : trial_broken_twice(host, config);
}

/* Another config on a machine that has been set up, as after an administrator's change.
 */
static char *change_config(struct host *host, const char *text)
{
	_cleanup_(config_done) struct config config = {};

	if (root_replace(&host->root, text, 0644, CONFIG_PATH) < 0 ||
	    config_load(&config, &host->root, NULL) < 0)
		return NULL;
	return settles(host, &config);
}

/* First perhaps only for one PF, as its own unit does when it comes late. */
static char *play_one(struct host *host, struct config *config, const char *device)
{
	_cleanup_(trial_done) struct trial trial = {};

	trial_run(&trial, host, config, device);
	return trial_broken(&trial);
}

static char *play(struct host *host, struct config *config, const char *fault)
{
	_cleanup_(trial_done) struct trial trial = {};
	char *why;

	if (!*fault)
		return settles(host, config);
	if (host_control(host, fault) < 0)
		return xasprintf("not understood: %s", fault);
	trial_run(&trial, host, config, NULL);
	why = trial_broken(&trial);
	if (why)
		return why;
	if (host_control(host, "clear") < 0)
		abort();
	return settles(host, config);
}

/* One round; *ret_refused: the config was none. */
static bool play_round(uint64_t seed, const char *path, bool *ret_refused)
{
	struct dice dice = { .state = (seed + 1) * 0x9e3779b97f4a7c15ull };
	_cleanup_free_ char *machine = text_of(write_machine, &dice);
	_cleanup_free_ char *config_text = text_of(write_config, &dice);
	_cleanup_free_ char *config_after = text_of(write_config, &dice);
	_cleanup_free_ char *fault =
		roll(&dice, 2) ? text_of(write_fault, &dice) : xstrdup("");
	_cleanup_free_ char *why = NULL;
	struct config config = {};
	struct host host;
	FILE *file = fopen(path, "we");

	if (!file || fputs(machine, file) < 0 || fclose(file) < 0)
		abort();
	host_start(&host, path, config_text);
	*ret_refused = config_load(&config, &host.root, NULL) < 0;
	if (!*ret_refused && roll(&dice, 4) == 0)
		why = play_one(&host, &config, "0000:10:00.0");
	if (!*ret_refused && !why)
		why = play(&host, &config, fault);
	config_done(&config);
	if (!*ret_refused && !why)
		why = change_config(&host, config_after);
	host_stop(&host);
	if (why) {
		ok(false, "SEED=%llu", (unsigned long long)seed);
		tap_show("broken", why);
		tap_show("machine", machine);
		tap_show("config", config_text);
		tap_show("fault", fault);
		tap_show("config after it", config_after);
	}
	return !why;
}

static uint64_t number(const char *variable, uint64_t other)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : other;
}

int main(void)
{
	const char *missing = host_missing();
	char path[] = "/tmp/sriov-setup-machine.XXXXXX";
	time_t now = time(NULL), seconds = getenv("FULL") ? 120 : 6;
	uint64_t first = number("SEED", (uint64_t)now * 1000);
	unsigned rounds = 0, refused = 0;
	bool good = true;

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	close(mkostemp(path, O_CLOEXEC));
	seconds = (time_t)number("SECONDS_OF_DICE", (uint64_t)seconds);
	do {
		bool no_config;

		good = play_round(first + rounds++, path, &no_config);
		refused += no_config;
	} while (good && !getenv("SEED") && time(NULL) < now + seconds);
	unlink(path);
	ok(good && refused * 2 < rounds,
	   "%u rounds of dice from %llu, %u configs refused", rounds,
	   (unsigned long long)first, refused);
	return done();
}
