#include "apply-nvme.h"

#include "nvme.h"
#include "plan-print.h"

#include <errno.h>
#include <poll.h>

#define PAUSE_MS 100

/* NVMe base specification 2.0, Virtualization Management: command specific status */
static const struct {
	unsigned status;
	const char *text;
} meanings[] = {
	{ 0x01, "it does not know the command" },
	{ 0x11f, "there is no such controller" },
	{ 0x120, "its state does not allow that" },
	{ 0x121, "not so many for one controller" },
	{ 0x122, "not so many are left" },
};

static int refuse(struct strings *refusals, const struct action *a, unsigned status)
{
	_cleanup_free_ char *what = action_text(a, false), *text = NULL;
	const char *meaning = "see the NVMe specification";

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].status == status)
			meaning = meanings[i].text;
	text = xasprintf("cannot %s, asked for by %s:%d: the controller refuses with "
			 "status %xh (%s)",
			 what, a->where.file, a->where.line, status, meaning);
	strings_add(refusals, text);
	return -EREMOTEIO;
}

int apply_set_nvme(const struct root *root, const struct action *a,
		   struct strings *refusals)
{
	unsigned status;
	int r;

	if (streq(a->name, "state"))
		r = nvme_set_online(root, a->function, a->vf, streq(a->value, "online"),
				    &status);
	else
		r = nvme_assign(root, a->function, a->vf,
				streq(a->name, "queues") ? NVME_QUEUES : NVME_INTERRUPTS,
				(unsigned)atoi(a->value), &status);
	return r == -EPROTO ? refuse(refusals, a, status) : r;
}

int apply_reset(const struct root *root, const struct action *a)
{
	int r = root_write(root, "1", "sys/bus/pci/devices/%s/reset", a->function);

	while (r == 0) {
		_cleanup_free_ char *state = NULL;

		r = nvme_state(root, a->function, &state);
		if (r == -ENODEV || streq(state, "live"))
			return 0;
		if (streq(state, "dead"))
			return -EIO;
		poll(NULL, 0, PAUSE_MS);
	}
	return r;
}
