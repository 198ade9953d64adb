#include "links.h"

#include "log.h"

/* "intel.com/x710_vf/0" of everything below LINKS_DIR. */
static struct strings list_links(const struct root *root)
{
	struct strings domains = {}, paths = {};

	root_list(root, &domains, LINKS_DIR);
	for (size_t i = 0; i < domains.n; i++) {
		struct strings resources = {};

		root_list(root, &resources, LINKS_DIR "/%s", domains.items[i]);
		for (size_t j = 0; j < resources.n; j++) {
			struct strings links = {};

			root_list(root, &links, LINKS_DIR "/%s/%s", domains.items[i],
				  resources.items[j]);
			for (size_t k = 0; k < links.n; k++) {
				_cleanup_free_ char *path =
					xasprintf("%s/%s/%s", domains.items[i],
						  resources.items[j], links.items[k]);

				strings_add(&paths, path);
			}
			strings_done(&links);
		}
		strings_done(&resources);
	}
	strings_done(&domains);
	return paths;
}

/* A folder that is not empty stays. */
static int remove_link(const struct root *root, const char *path)
{
	_cleanup_free_ char *above = xstrdup(path);
	int r = root_remove(root, LINKS_DIR "/%s", path);

	for (char *slash; r >= 0 && (slash = strrchr(above, '/')); *slash = '\0') {
		*slash = '\0';
		if (root_remove_folder(root, LINKS_DIR "/%s", above) < 0)
			break;
	}
	return r < 0 ? log_error_errno(r, "cannot remove /" LINKS_DIR "/%s", path) : 0;
}

static int compare_path(const void *path, const void *item)
{
	return strcmp(path, *(char *const *)item);
}

/* `wanted` is sorted: there may be a link for each of thousands of VFs. */
static int remove_others(const struct root *root, const struct strings *wanted)
{
	struct strings paths = list_links(root);
	int first_error = 0;

	for (size_t i = 0; i < paths.n; i++) {
		bool keep = wanted->n && bsearch(paths.items[i], wanted->items, wanted->n,
						 sizeof(char *), compare_path);
		int r = keep ? 0 : remove_link(root, paths.items[i]);

		first_error = first_error ? first_error : r;
	}
	strings_done(&paths);
	return first_error;
}

int links_write(const struct root *root, const struct export_input *input)
{
	_cleanup_(offers_done) struct offers offers = {};
	struct strings wanted = {};
	int first_error = 0, r;

	offers_make(&offers, input->config, input->system, input->names);
	for (size_t i = 0; i < offers.n; i++) {
		const struct offer *offer = &offers.items[i];
		_cleanup_free_ char *path =
			xasprintf("%s/%u", offer->resource, offer->number);
		_cleanup_free_ char *target =
			xasprintf("/sys/bus/pci/devices/%s", offer->function->address);

		strings_add(&wanted, path);
		r = root_link(root, target, LINKS_DIR "/%s", path);
		if (r < 0)
			log_error_errno(r, "cannot make /" LINKS_DIR "/%s", path);
		first_error = first_error || r >= 0 ? first_error : r;
	}
	strings_sort(&wanted);
	r = remove_others(root, &wanted);
	strings_done(&wanted);
	return first_error ? first_error : r;
}

int links_remove(const struct root *root)
{
	int r = remove_others(root, &(struct strings){});

	root_remove_folder(root, LINKS_DIR);
	return r;
}
