#include "names.h"

#include <pci/pci.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct answer {
	unsigned vendor, device;
	char *name; /* NULL: unknown */
};

/* Filled as questions come. */
struct cache {
	bool tried;       /* to map the list */
	const char *list; /* pci.ids; NULL: none, or none in plain text */
	size_t size;
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
		munmap((void *)cache->list, cache->size);
	free(cache);
	pci_free_name_list((*names)->access);
	pci_cleanup((*names)->access);
	free(*names);
	*names = NULL;
}

/*
 * Where libpci looks; built with zlib it first looks for that name with .gz. Mapped, not
 * read: copying it took longer than all else but the kernel's work. The rest of the last
 * page is zeroes, which ends the string; where there is no rest, libpci has to do.
 */
static const char *map_list(const char *libpci_path, size_t *ret_size)
{
	_cleanup_free_ char *path = xstrdup(libpci_path ? libpci_path : "");
	_cleanup_close_ int fd = -1;
	size_t length = strlen(path);
	struct stat st;
	void *list;

	if (length > 3 && streq(path + length - 3, ".gz"))
		path[length - 3] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size % sysconf(_SC_PAGESIZE) == 0)
		return NULL;
	*ret_size = (size_t)st.st_size;
	list = mmap(NULL, *ret_size, PROT_READ, MAP_PRIVATE, fd, 0);
	return list == MAP_FAILED ? NULL : list;
}

/*
 * "\n8086  Intel Corporation\n# …\n\t10c9  82576 …\n\t\t8086 a03c  subsystem…\n": two
 * searches instead of the list of all names that libpci makes first, which took more time
 * than all else of a run in which nothing is to do.
 */
static char *search(const char *list, unsigned vendor, unsigned device)
{
	char head[16];
	const char *line;

	snprintf(head, sizeof(head), "\n%04x  ", vendor);
	line = strstr(list, head);
	snprintf(head, sizeof(head), "\t%04x  ", device);
	while (line && (line = strchr(line + 1, '\n'))) {
		line++;
		if (startswith(line, head))
			return strip_end(xstrndup(line + strlen(head),
						  strcspn(line + strlen(head), "\n")));
		if (!strchr("\t#\n", *line)) /* the next vendor, or the end */
			return NULL;
		line--;
	}
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
		cache->list = map_list(names->access->id_file_name, &cache->size);
	cache->tried = true;
	quick = cache->list ? search(cache->list, vendor, device) : NULL;
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
