#include "names.h"

#include <pci/pci.h>
#include <ctype.h>
#include <setjmp.h>

#define NEAR 4096 /* bytes of the list that are read line by line */

struct answer {
	unsigned vendor, device;
	char *name; /* NULL: unknown */
};

/* Filled as questions come. */
struct cache {
	bool tried; /* to open the list */
	FILE *list; /* pci.ids; NULL: none, or none in plain text */
	struct answer *answers;
	size_t n_answers;
};

struct names {
	struct pci_access *access;
	struct cache *cache;
};

static jmp_buf escape; /* libpci hands its handlers nothing of ours */

/*
 * pci_alloc() sets no handlers, and pci_load_name_list() calls `error` for a damaged
 * pci.ids. It must not return (PCI_NONRET), and libpci's own ends the process.
 */
__attribute__((noreturn)) static void leave(char *message, ...)
{
	(void)message;
	longjmp(escape, 1);
}

static void ignore(char *message, ...)
{
	(void)message;
}

struct names *names_open(void)
{
	struct names *names = xcalloc(1, sizeof(*names));

	/* no pci_init(): it probes the bus, and names need only the list of IDs */
	names->access = pci_alloc();
	names->access->error = leave;
	names->access->warning = ignore;
	names->access->debug = ignore;
	names->cache = xcalloc(1, sizeof(*names->cache));
	return names;
}

void names_close(struct names **names)
{
	struct cache *cache;

	if (!*names)
		return;
	cache = (*names)->cache;
	for (size_t i = 0; i < cache->n_answers; i++)
		free(cache->answers[i].name);
	free(cache->answers);
	if (cache->list)
		fclose(cache->list);
	free(cache);
	pci_free_name_list((*names)->access);
	pci_cleanup((*names)->access);
	free(*names);
	*names = NULL;
}

/* Where libpci looks; built with zlib it first looks for that name with .gz. */
static FILE *open_list(const char *libpci_path)
{
	_cleanup_free_ char *path = xstrdup(libpci_path ? libpci_path : "");
	size_t length = strlen(path);

	if (length > 3 && streq(path + length - 3, ".gz"))
		path[length - 3] = '\0';
	return fopen(path, "re");
}

/* "8086  Intel Corporation\n# …\n\t10c9  82576 …\n\t\t8086 a03c  subsystem…\n": the ID
 * that the line begins with, or -1. */
static int line_id(const char *line)
{
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)line[i]))
			return -1;
	return startswith(line + 4, "  ") ? (int)strtol(line, NULL, 16) : -1;
}

/*
 * Goes to where the vendor's line is not far: the list is in order of vendors. Reading
 * all of it, as libpci does, took more time than all else of a run that has nothing to
 * do, and a tenth of one that makes 7 VFs.
 */
static void approach(FILE *list, int vendor, char **line, size_t *room)
{
	long low = 0, high = fseek(list, 0, SEEK_END) < 0 ? 0 : ftell(list);

	while (high - low > NEAR) {
		long middle = low + (high - low) / 2, at;
		int id = -1;

		/* from the byte before: a line that begins right there counts */
		if (fseek(list, middle - 1, SEEK_SET) < 0 ||
		    getline(line, room, list) < 0)
			return;
		do
			at = ftell(list);
		while (at < high && getline(line, room, list) > 0 &&
		       (id = line_id(*line)) == -1);
		if (id != -1 && id <= vendor)
			low = at;
		else
			high = middle;
	}
	fseek(list, low, SEEK_SET);
}

static char *search(FILE *list, int vendor, int device)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int id = -1;

	approach(list, vendor, &line, &room);
	while (id != vendor && getline(&line, &room, list) > 0) {
		id = line_id(line);
		if (id > vendor)
			return NULL;
	}
	while (getline(&line, &room, list) > 0 && line_id(line) == -1)
		if (*line == '\t' && line_id(line + 1) == device)
			return xstrdup(strip_end(line + strlen("\t10c9  ")));
	return NULL;
}

static const char *ask_libpci(struct pci_access *access, char *name, int size,
			      unsigned vendor, unsigned device)
{
	if (setjmp(escape))
		return NULL;
	/* no number for an unknown name, no question to a name server */
	return pci_lookup_name(access, name, size,
			       PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS, (int)vendor,
			       (int)device);
}

static char *look_up(const struct names *names, unsigned vendor, unsigned device)
{
	struct cache *cache = names->cache;
	const char *found;
	char name[256], *quick;

	if (!cache->tried)
		cache->list = open_list(names->access->id_file_name);
	cache->tried = true;
	quick = cache->list ? search(cache->list, (int)vendor, (int)device) : NULL;
	if (quick)
		return quick;
	/* it also knows udev's hardware database */
	found = ask_libpci(names->access, name, sizeof(name), vendor, device);
	if (!found) /* the first question reads the list: what stands before any damage is
		       good */
		found = ask_libpci(names->access, name, sizeof(name), vendor, device);
	return xstrdup(found);
}

char *names_device(const struct names *names, unsigned vendor, unsigned device)
{
	struct cache *cache;
	struct answer *answer;

	if (!names)
		return NULL;
	cache = names->cache;
	for (size_t i = 0; i < cache->n_answers; i++)
		if (cache->answers[i].vendor == vendor &&
		    cache->answers[i].device == device)
			return xstrdup(cache->answers[i].name);
	answer = array_add(cache->answers, cache->n_answers);
	*answer = (struct answer){ vendor, device, look_up(names, vendor, device) };
	return xstrdup(answer->name);
}
