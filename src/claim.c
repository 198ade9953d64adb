#include "claim.h"

#include "export.h"
#include "json.h"
#include "ledger.h"
#include "log.h"

#include <ctype.h>
#include <errno.h>

#define FUNCTION "sys/bus/pci/devices/%s"

/* The result of ledger_open() or ledger_read(), told. */
static int check_ledger(int r)
{
	if (r == -EBADMSG)
		return log_error_errno(r, "/" LEDGER_DIR "/ledger.json was changed by "
					  "others: remove it once no VM has a VF");
	return r < 0 ? log_error_errno(r, "cannot use the ledger in /" LEDGER_DIR) : 0;
}

static int write_ledger(const struct ledger *ledger, const struct root *root)
{
	int r = ledger_write(ledger, root);

	return r < 0 ? log_error_errno(r, "cannot write the ledger in /" LEDGER_DIR) : 0;
}

/* Why an offer is not to be had; NULL: it is. */
static const char *refusal(const struct offer *offer, const struct ledger *ledger,
			   const struct root *root, const char *owner)
{
	const struct function *f = offer->function;
	_cleanup_free_ char *driver = NULL;
	int r;

	if (offer->path != ADVERTISE_AUTO && offer->path != ADVERTISE_CLAIM)
		return "advertised to others (advertise = \"claim\" keeps it for claims)";
	for (size_t i = 0; i < ledger->n; i++) {
		const struct claim *c = &ledger->claims[i];

		if (streq(c->address, f->address))
			return "claimed";
		/* the kernel gives a group to one process only */
		if (c->group == (unsigned)f->iommu_group && !streq(c->owner, owner))
			return "in one IOMMU group with a claimed one";
	}
	/* it was looked at before the ledger was locked */
	if (root_link_name(root, &driver, FUNCTION "/driver", f->address) < 0 ||
	    !streq(driver, f->driver))
		return "gone meanwhile";
	/* sriov-cni's own ledger, pkg/utils/pci_allocator.go */
	if (root_exists(root, "var/lib/cni/sriov/pci/%s", f->address))
		return "taken by sriov-cni";
	if (f->iommu_group == NONE)
		return "without an IOMMU group";
	r = vf_probe(root, f->address);
	return r == -EBUSY ? "in use" : r < 0 ? "without a usable /dev/vfio/GROUP" : NULL;
}

/* How many for which reason; the reasons are static texts. */
struct refusals {
	struct {
		const char *why;
		unsigned n;
	} items[8];
};

static void count_refusal(struct refusals *refusals, const char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals->items); i++)
		if (!refusals->items[i].why || refusals->items[i].why == why) {
			refusals->items[i].why = why;
			refusals->items[i].n++;
			return;
		}
}

static int log_too_few(const struct claim_request *request, unsigned n,
		       const struct refusals *refusals)
{
	_cleanup_free_ char *text = xstrdup("");

	for (size_t i = 0; i < ARRAY_SIZE(refusals->items) && refusals->items[i].why;
	     i++) {
		char *longer = xasprintf("%s, %u %s", text, refusals->items[i].n,
					 refusals->items[i].why);

		free(text);
		text = longer;
	}
	log_error("%s: %lu wanted, %u free%s", request->resource, request->count, n,
		  text);
	return -EBUSY;
}

/* Adds the claims to the ledger, all or an error. */
static int pick(struct ledger *ledger, const struct offers *offers,
		const struct root *root, const struct claim_request *request,
		const struct life *life)
{
	struct refusals refusals = {};
	unsigned n = 0;

	for (size_t i = 0; i < offers->n && n < request->count; i++) {
		const struct offer *offer = &offers->items[i];
		const char *why;

		if (!streq(offer->resource, request->resource))
			continue;
		why = refusal(offer, ledger, root, request->owner);
		if (why) {
			count_refusal(&refusals, why);
			continue;
		}
		*ledger_add(ledger) = (struct claim){
			.address = xstrdup(offer->function->address),
			.resource = xstrdup(offer->resource),
			.owner = xstrdup(request->owner),
			.group = (unsigned)offer->function->iommu_group,
			.life = *life,
		};
		n++;
	}
	return n < request->count ? log_too_few(request, n, &refusals) : 0;
}

static int read_in_use(const struct claim *claim, const struct root *root)
{
	unsigned long enabled;
	int r = root_read_unsigned(root, &enabled, FUNCTION "/enable", claim->address);

	return r < 0 ? r : enabled > 0;
}

/* enable counts who opened the device (vfio_pci_core_enable()): reading it disturbs
 * nobody, as opening the group would. */
static void print_json(const struct claim *claims, size_t n, const struct root *root)
{
	_cleanup_(document_free) struct document *top = document_new(DOCUMENT_MAP);
	struct document *list;

	document_put_number(top, "version", 1);
	list = document_put_list(top, "claims");
	for (size_t i = 0; i < n; i++) {
		struct document *map = document_add_map(list);
		int in_use = read_in_use(&claims[i], root);

		claim_put(map, &claims[i]);
		document_put(map, "in_use",
			     in_use < 0 ? document_new(DOCUMENT_NULL) :
					  document_bool(in_use > 0));
		document_put_bool(map, "dead", claim_is_dead(&claims[i], root));
	}
	json_print(stdout, top);
}

/* One line of text in the journal and on a terminal. */
static bool owner_is_name(const char *owner)
{
	size_t n = strlen(owner);

	for (const char *c = owner; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	return n > 0 && n <= 128;
}

static int observe_offers(struct system *system, struct offers *offers,
			  const struct config *config, const struct root *root,
			  const char *resource)
{
	_cleanup_(names_close) struct names *names = names_open();
	int r = system_observe(system, root, config);

	if (r < 0)
		return log_error_errno(r, "cannot read the PCI devices");
	offers_make(offers, config, system, names);
	for (size_t i = 0; i < offers->n; i++)
		if (streq(offers->items[i].resource, resource))
			return 0;
	log_error("no VF here is offered as %s; sriov-setup status shows the resources",
		  resource);
	return -ENOENT;
}

int claim_take(const struct config *config, const struct root *root,
	       const struct claim_request *request, bool json)
{
	_cleanup_(system_done) struct system system = {};
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	struct life life = {};
	size_t before;

	if (!owner_is_name(request->owner)) {
		log_error("--owner: expected 1 to 128 printable characters");
		return 1;
	}
	if (request->pid && life_read(&life, root, request->pid) < 0) {
		log_error("--pid=%lu: there is no such process", request->pid);
		return 1;
	}
	if (observe_offers(&system, &offers, config, root, request->resource) < 0 ||
	    check_ledger(ledger_open(&ledger, root)) < 0)
		return 1;
	before = ledger.n;
	/* a failure that is told must not leave a claim behind */
	if (pick(&ledger, &offers, root, request, &life) < 0 || root_trouble(root) < 0 ||
	    write_ledger(&ledger, root) < 0)
		return 1;
	if (json)
		print_json(ledger.claims + before, ledger.n - before, root);
	for (size_t i = before; !json && i < ledger.n; i++)
		puts(ledger.claims[i].address);
	return 0;
}

/* 1 gave it back, or a negative errno. */
static int release_one(struct ledger *ledger, struct claim *claim,
		       const struct root *root)
{
	int r = vf_probe(root, claim->address);

	if (r == -EBUSY) {
		log_full(LOG_ERR, &(struct log_subject){ .pci = claim->address },
			 "stays claimed by %s, a VM has it: sriov-setup detach takes it "
			 "back",
			 claim->owner);
		return r;
	}
	log_info("released %s of %s", claim->address, claim->owner);
	ledger_remove(ledger, claim);
	return 1;
}

static bool is_wanted(const struct claim *claim, const struct root *root,
		      const char *address, const char *owner, bool dead)
{
	return (!address || streq(address, claim->address)) &&
	       (!owner || streq(owner, claim->owner)) &&
	       (!dead || claim_is_dead(claim, root) ||
		!root_exists(root, FUNCTION, claim->address));
}

int claim_release(const struct root *root, const char *address, const char *owner,
		  bool dead)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	bool failed = false, any = false;

	if (!address && !owner && !dead) {
		log_error("release: expected ADDRESS, --owner=NAME or --dead");
		return 1;
	}
	if (check_ledger(ledger_open(&ledger, root)) < 0)
		return 1;
	for (size_t i = 0; i < ledger.n;) {
		if (!is_wanted(&ledger.claims[i], root, address, owner, dead)) {
			i++;
			continue;
		}
		any = true;
		if (release_one(&ledger, &ledger.claims[i], root) < 0) {
			failed = true;
			i++;
		}
	}
	if (address && !any) {
		log_error("%s is not claimed%s%s", address, owner ? " by " : "",
			  owner ? owner : "");
		return 1;
	}
	return (any && write_ledger(&ledger, root) < 0) || failed;
}

static void print_lines(const struct ledger *ledger, const struct root *root)
{
	for (size_t i = 0; i < ledger->n; i++) {
		const struct claim *c = &ledger->claims[i];
		int in_use = read_in_use(c, root);

		printf("%s  %s  %s  %s%s%s%s%s\n", c->address, c->resource,
		       claim_states[c->state], c->owner,
		       c->qmp && c->state != CLAIM_CLAIMED ? "  " : "",
		       c->qmp && c->state != CLAIM_CLAIMED ? c->qmp : "",
		       in_use < 0 ? "  (gone)" :
		       in_use > 0 ? "  (in use)" :
				    "",
		       claim_is_dead(c, root) ? "  (dead)" : "");
	}
}

int claim_list(const struct root *root, bool json)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };

	if (check_ledger(ledger_read(&ledger, root)) < 0)
		return 1;
	if (json)
		print_json(ledger.claims, ledger.n, root);
	else if (ledger.n)
		print_lines(&ledger, root);
	else
		log_info("no VF is claimed");
	return 0;
}
