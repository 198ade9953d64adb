#include "ledger.h"

#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define LEDGER LEDGER_DIR "/ledger.json"
#define LOCK LEDGER_DIR "/lock"
#define LOCK_DEADLINE 60 /* seconds */

const char *const claim_states[N_CLAIM_STATES] = { "claimed", "attaching", "attached",
						   "detaching" };

static void claim_done(struct claim *claim)
{
	free(claim->address);
	free(claim->resource);
	free(claim->owner);
	free(claim->qmp);
}

void ledger_done(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->n; i++)
		claim_done(&ledger->claims[i]);
	free(ledger->claims);
	closep(&ledger->lock);
	*ledger = (struct ledger){ .lock = -1 };
}

static int number_of(const struct document *map, const char *key, unsigned long *ret)
{
	const struct document *value =
		document_at(map, (const char *const[]){ key, NULL });

	return value && value->kind == DOCUMENT_NUMBER ?
		       parse_unsigned(value->text, LONG_MAX, ret) :
		       -EBADMSG;
}

static int read_claim(const struct document *map, struct claim *claim)
{
	const char *state = document_text(map, "state");
	unsigned long group;

	claim->address = xstrdup(document_text(map, "address"));
	claim->resource = xstrdup(document_text(map, "resource"));
	claim->owner = xstrdup(document_text(map, "owner"));
	claim->qmp = xstrdup(document_text(map, "qmp"));
	for (claim->state = 0; claim->state < N_CLAIM_STATES; claim->state++)
		if (streq(state, claim_states[claim->state]))
			break;
	if (!claim->address || !claim->resource || !claim->owner ||
	    claim->state == N_CLAIM_STATES || number_of(map, "iommu_group", &group) < 0 ||
	    number_of(map, "pid", &claim->life.pid) < 0 ||
	    number_of(map, "start", &claim->life.start) < 0 ||
	    number_of(map, "qemu_pid", &claim->qemu.pid) < 0 ||
	    number_of(map, "qemu_start", &claim->qemu.start) < 0)
		return -EBADMSG;
	claim->group = (unsigned)group;
	return 0;
}

static int read_claims(struct ledger *ledger, const struct root *root)
{
	_cleanup_(document_free) struct document *document = NULL;
	_cleanup_free_ char *text = NULL;
	const char *fault;
	int r = root_read(root, &text, LEDGER);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (json_parse(text, &document, &fault) < 0 || document->kind != DOCUMENT_LIST)
		return -EBADMSG;
	for (size_t i = 0; r == 0 && i < document->n; i++)
		r = read_claim(document->items[i], ledger_add(ledger));
	return r;
}

int ledger_read(struct ledger *ret, const struct root *root)
{
	*ret = (struct ledger){ .lock = -1 };
	return read_claims(ret, root);
}

int ledger_open(struct ledger *ret, const struct root *root)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	int r;

	ledger.lock = root_lock(root, LOCK_DEADLINE, LOCK);
	if (ledger.lock < 0)
		return ledger.lock;
	r = read_claims(&ledger, root);
	if (r < 0)
		return r;
	*ret = ledger;
	ledger = (struct ledger){ .lock = -1 };
	return 0;
}

void claim_put(struct document *map, const struct claim *claim)
{
	document_put_string(map, "address", claim->address);
	document_put_string(map, "resource", claim->resource);
	document_put_string(map, "owner", claim->owner);
	document_put_number(map, "iommu_group", claim->group);
	document_put_string(map, "state", claim_states[claim->state]);
	document_put_number(map, "pid", (long)claim->life.pid);
	document_put_string(map, "qmp", claim->qmp);
	document_put_number(map, "qemu_pid", (long)claim->qemu.pid);
}

int ledger_write(const struct ledger *ledger, const struct root *root)
{
	_cleanup_(document_free) struct document *list = document_new(DOCUMENT_LIST);
	_cleanup_free_ char *text = NULL;
	int r;

	for (size_t i = 0; i < ledger->n; i++) {
		struct document *map = document_add_map(list);

		claim_put(map, &ledger->claims[i]);
		document_put_number(map, "start", (long)ledger->claims[i].life.start);
		document_put_number(map, "qemu_start",
				    (long)ledger->claims[i].qemu.start);
	}
	text = json_text(list);
	r = root_replace(root, text, 0644, LEDGER);
	return r < 0 ? r : 0;
}

struct claim *ledger_find(const struct ledger *ledger, const char *address)
{
	for (size_t i = 0; i < ledger->n; i++)
		if (streq(ledger->claims[i].address, address))
			return &ledger->claims[i];
	return NULL;
}

struct claim *ledger_add(struct ledger *ledger)
{
	return array_add(ledger->claims, ledger->n);
}

void ledger_remove(struct ledger *ledger, struct claim *claim)
{
	size_t after = (size_t)(ledger->claims + ledger->n - claim) - 1;

	claim_done(claim);
	memmove(claim, claim + 1, after * sizeof(*claim));
	ledger->n--;
}

int vf_probe(const struct root *root, const char *address)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *group = NULL;

	if (root_link_name(root, &group, "sys/bus/pci/devices/%s/iommu_group", address) <
	    0)
		return -ENODEV;
	fd = root_openat(root, O_RDWR, "dev/vfio/%s", group);
	return fd < 0 ? fd : 0;
}

/* The name, field 2, may hold anything; field 22 is the 20th after it. */
int life_read(struct life *ret, const struct root *root, unsigned long pid)
{
	_cleanup_free_ char *text = NULL;
	unsigned long start;
	char *rest, state;

	if (root_read(root, &text, "proc/%lu/stat", pid) < 0)
		return -ESRCH;
	rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %*s %*s %*s %lu",
		   &state, &start) != 2 ||
	    state == 'Z' || state == 'X')
		return -ESRCH;
	*ret = (struct life){ pid, start };
	return 0;
}

bool life_has_ended(const struct life *life, const struct root *root)
{
	struct life now;

	return life->pid &&
	       (life_read(&now, root, life->pid) < 0 || now.start != life->start);
}

bool claim_is_dead(const struct claim *claim, const struct root *root)
{
	return life_has_ended(claim->life.pid ? &claim->life : &claim->qemu, root);
}
