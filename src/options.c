#include "options.h"

#include "system.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

void options_unknown(const char *what, const char *word, const struct strings *known)
{
	const char *meant = strings_nearest(known, word);

	if (meant)
		log_usage("unknown %s '%s', did you mean '%s'?", what, word, meant);
	else
		log_usage("unknown %s '%s'; sriov-setup --help lists them", what, word);
}

void options_help(void)
{
	puts("\nOptions:\n"
	     "  --config=FILE              instead of /etc/sriov.conf; drop-ins are "
	     "FILE.d/*.conf\n"
	     "  --root=DIR                 work on the system image in DIR\n"
	     "  --wait=SECONDS             apply: wait for the configured PFs; attach, "
	     "detach: for\n"
	     "                             the guest (60)\n"
	     "  --device=ADDRESS           apply: only this PF or device\n"
	     "  --boot                     apply, plan: leave the kernel arguments "
	     "alone, and VFs that\n"
	     "                             a VM may hold\n"
	     "  --force-in-use=ADDRESS     apply, plan, reset: take this function also "
	     "from its user\n"
	     "  --format=FORMAT            kargs print: cmdline, grub, bls, bootc or "
	     "toml;\n"
	     "                             status: dot, a picture for graphviz\n"
	     "  --owner=NAME               claim, release: for whom\n"
	     "  --count=NUMBER             claim: so many VFs, or none (1)\n"
	     "  --pid=PID                  claim: dead when that process is\n"
	     "  --dead                     release: of owners that have ended\n"
	     "  --qmp=SOCKET               attach, detach: QEMU's monitor\n"
	     "  --json                     status, claim, claims: as JSON, for programs\n"
	     "  -h, --help   --version\n");
}

static int parse_number(const char *option, const char *text, unsigned long max,
			unsigned long *ret)
{
	if (parse_unsigned(text, max, ret) == 0 && *ret)
		return 0;
	log_usage("--%s=%s: expected a number, 1 to %lu", option, text, max);
	return -EINVAL;
}

static int parse_wait(const char *text, unsigned *ret)
{
	unsigned long seconds;

	if (parse_unsigned(text, 3600, &seconds) < 0) {
		log_usage("--wait=%s: expected seconds, 0 to 3600", text);
		return -EINVAL;
	}
	*ret = (unsigned)seconds;
	return 0;
}

enum {
	OPT_CONFIG = 256,
	OPT_ROOT,
	OPT_WAIT,
	OPT_DEVICE,
	OPT_BOOT,
	OPT_FORCE_IN_USE,
	OPT_FORMAT,
	OPT_JSON,
	OPT_OWNER,
	OPT_COUNT,
	OPT_PID,
	OPT_DEAD,
	OPT_QMP,
	OPT_VERSION
};

static const struct option option_table[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "boot", no_argument, NULL, OPT_BOOT },
	{ "force-in-use", required_argument, NULL, OPT_FORCE_IN_USE },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "owner", required_argument, NULL, OPT_OWNER },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "pid", required_argument, NULL, OPT_PID },
	{ "dead", no_argument, NULL, OPT_DEAD },
	{ "qmp", required_argument, NULL, OPT_QMP },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{},
};

/* getopt_long() returned ':' or '?' for this word. */
static void log_bad_option(int c, const char *word)
{
	_cleanup_free_ char *name = xstrndup(word, strcspn(word, "="));
	struct strings known = {};

	for (size_t i = 0; option_table[i].name; i++) {
		_cleanup_free_ char *option = xasprintf("--%s", option_table[i].name);

		strings_add(&known, option);
	}
	if (c == ':')
		log_usage("%s: its value is missing", name);
	else if (optopt >= OPT_CONFIG)
		log_usage("%s takes no value", name);
	else
		options_unknown("option", name, &known);
	strings_done(&known);
}

/* Of claim and its like. */
static int parse_claim_option(struct options *options, int c, const char *word)
{
	switch (c) {
	case OPT_OWNER:
		options->claim.owner = optarg;
		return 0;
	case OPT_COUNT:
		return parse_number("count", optarg, VFS_LIMIT, &options->claim.count);
	case OPT_PID:
		return parse_number("pid", optarg, INT_MAX, &options->claim.pid);
	case OPT_DEAD:
		options->dead = true;
		return 0;
	case OPT_QMP:
		options->qmp = optarg;
		return 0;
	default:
		log_bad_option(c, word);
		return -EINVAL;
	}
}

int options_parse(struct options *options, int argc, char *argv[])
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", option_table, NULL)) >= 0) {
		switch (c) {
		case OPT_CONFIG:
			options->config_path = optarg;
			break;
		case OPT_ROOT:
			options->root_path = optarg;
			break;
		case OPT_WAIT:
			if (parse_wait(optarg, &options->run.wait) < 0)
				return -EINVAL;
			break;
		case OPT_DEVICE:
			options->run.device = optarg;
			break;
		case OPT_BOOT:
			options->run.boot = true;
			break;
		case OPT_FORCE_IN_USE:
			strings_add(&options->force_in_use, optarg);
			break;
		case OPT_FORMAT:
			options->format = optarg;
			break;
		case OPT_JSON:
			options->json = true;
			break;
		case 'h':
			options->help = true;
			return 0;
		case OPT_VERSION:
			options->version = true;
			return 0;
		default:
			if (parse_claim_option(options, c, argv[optind - 1]) < 0)
				return -EINVAL;
		}
	}
	return 0;
}
