#include "config-fields.h"

#include "cmdline.h"

#include <ctype.h>

#define HEX "0123456789abcdefABCDEF"
#define DIGITS "0123456789"

static char *lower(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

/* A pattern in which 'h' stands for a hexadecimal digit. */
static bool looks_like(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++)
		if (*pattern == 'h' ? !isxdigit((unsigned char)*text) : *text != *pattern)
			return false;
	return *text == '\0';
}

char *field_address(const char *text, const char **ret_expected)
{
	_cleanup_free_ char *full =
		xasprintf("%s%s", looks_like(text, "hh:hh.h") ? "0000:" : "", text);
	size_t n = strlen(full);

	*ret_expected = "a PCI address: \"0000:01:00.0\"";
	/* a domain of VMD has more than 4 digits */
	if (n < 12 || n > 16 || strspn(full, HEX) != n - 8 ||
	    !looks_like(full + n - 8, ":hh:hh.h") || full[n - 1] > '7' ||
	    full[n - 4] > '1')
		return NULL;
	return lower(full);
}

static bool only(const char *text, const char *others, size_t max)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	return n > 0 && n <= max;
}

char *field_interface(const char *text, const char **ret_expected)
{
	*ret_expected = "a network interface's name of 1 to 15 characters";
	/* dev_valid_name(): no '/', no ':', no space */
	if (strlen(text) == 0 || strlen(text) > 15 || streq(text, ".") ||
	    streq(text, ".."))
		return NULL;
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == '/' || *c == ':')
			return NULL;
	return xstrdup(text);
}

char *field_mac(const char *text, const char **ret_expected)
{
	*ret_expected = "a MAC address: \"52:54:00:12:34:56\"";
	return looks_like(text, "hh:hh:hh:hh:hh:hh") ? lower(text) : NULL;
}

char *field_id(const char *text, const char **ret_expected)
{
	*ret_expected = "vendor and device in hexadecimal: \"8086:1572\"";
	return looks_like(text, "hhhh:hhhh") ? lower(text) : NULL;
}

char *field_driver(const char *text, const char **ret_expected)
{
	*ret_expected = "\"vfio-pci\", \"auto-vfio\", \"native\", \"none\" or a driver's "
			"name of letters, digits, - and _";
	return only(text, "-_", 64) ? xstrdup(text) : NULL;
}

char *field_serial(const char *text, const char **ret_expected)
{
	*ret_expected = "a PCIe serial number: \"00-11-22-ff-ff-33-44-55\"";
	if (looks_like(text, "hh-hh-hh-hh-hh-hh-hh-hh"))
		return lower(text);
	if (!looks_like(text, "hhhhhhhhhhhhhhhh"))
		return NULL;
	_cleanup_free_ char *dashed =
		xasprintf("%.2s-%.2s-%.2s-%.2s-%.2s-%.2s-%.2s-%.2s", text, text + 2,
			  text + 4, text + 6, text + 8, text + 10, text + 12, text + 14);
	return lower(dashed);
}

/* A DNS subdomain: parts of lower-case letters, digits and inner dashes. */
static bool is_domain(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool edge =
			i == 0 || i + 1 == n || text[i - 1] == '.' || text[i + 1] == '.';

		if (!islower((unsigned char)text[i]) &&
		    !isdigit((unsigned char)text[i]) &&
		    (edge || (text[i] != '-' && text[i] != '.')))
			return false;
	}
	return n > 0;
}

/* IsExtendedResourceName() of Kubernetes; virt-handler's socket path leaves 61 bytes. */
char *field_resource(const char *text, const char **ret_expected)
{
	const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : "";
	size_t n = strlen(name);

	*ret_expected =
		"a Kubernetes resource of at most 61 characters: \"intel.com/x710_vf\"";
	if (!slash || strlen(text) > 61 || !is_domain(text, (size_t)(slash - text)) ||
	    startswith(text, "requests.") || strstr(text, "kubernetes.io/") ||
	    !only(name, "-_.", 63) || !isalnum((unsigned char)name[0]) ||
	    !isalnum((unsigned char)name[n - 1]))
		return NULL;
	return xstrdup(text);
}

char *field_node(const char *text, const char **ret_expected)
{
	*ret_expected = "a Kubernetes node: lower-case letters, digits, - and inner dots";
	return strlen(text) <= 253 && is_domain(text, strlen(text)) ? xstrdup(text) :
								      NULL;
}

char *field_namespace(const char *text, const char **ret_expected)
{
	*ret_expected = "a Kubernetes namespace: lower-case letters, digits and inner -";
	return strlen(text) <= 63 && is_domain(text, strlen(text)) && !strchr(text, '.') ?
		       xstrdup(text) :
		       NULL;
}

/* A file of a folder is made of it: no '/', and no name of two units. */
char *field_service(const char *text, const char **ret_expected)
{
	static const char suffix[] = ".service";
	size_t n = strlen(text), m = strlen(suffix);

	*ret_expected = "a service of systemd: \"containerd.service\"";
	return n > m && streq(text + n - m, suffix) && only(text, ":_.@-", 200) &&
			       text[0] != '.' ?
		       xstrdup(text) :
		       NULL;
}

char *field_text(const char *text, const char **ret_expected)
{
	*ret_expected = "1 to 64 printable characters without '/', quotes and \\";
	if (strlen(text) == 0 || strlen(text) > 64)
		return NULL;
	for (const char *c = text; *c; c++)
		if (!isprint((unsigned char)*c) || strchr("/\"\\", *c))
			return NULL;
	return xstrdup(text);
}

char *field_index(const char *text, const char **ret_expected)
{
	const char *at = text;

	*ret_expected = "VF numbers and ranges below 65535: \"0-3,5\"";
	for (;;) {
		unsigned first, last;

		if (!isdigit((unsigned char)*at) || strspn(at, DIGITS) > 5)
			return NULL;
		first = last = (unsigned)strtoul(at, NULL, 10);
		at += strspn(at, DIGITS);
		if (*at == '-') {
			at++;
			if (!isdigit((unsigned char)*at) || strspn(at, DIGITS) > 5)
				return NULL;
			last = (unsigned)strtoul(at, NULL, 10);
			at += strspn(at, DIGITS);
		}
		if (first > last || last >= 65535)
			return NULL;
		if (*at == '\0')
			return xstrdup(text);
		if (*at++ != ',')
			return NULL;
	}
}

char *field_hugepage_size(const char *text, const char **ret_expected)
{
	size_t n = strspn(text, DIGITS);

	*ret_expected = "a page size: \"2M\" or \"1G\"";
	return n > 0 && n < 8 && strchr("KMG", text[n]) && text[n] && !text[n + 1] ?
		       xstrdup(text) :
		       NULL;
}

char *field_kernel_word(const char *text, const char **ret_expected)
{
	const char *why;

	*ret_expected = "a kernel argument that starts with a letter, of letters, digits "
			"and _.,:=@+/- only";
	return cmdline_word_is_safe(text, &why) ? xstrdup(text) : NULL;
}

char *field_bootloader(const char *text, const char **ret_expected)
{
	*ret_expected = "\"auto\" or a boot loader's name as in sriov-setup kargs status";
	return only(text, "-", 32) ? xstrdup(text) : NULL;
}

char *field_directory(const char *text, const char **ret_expected)
{
	static const char *const kernel_owned[] = { "/proc", "/sys", "/dev" };

	*ret_expected = "an absolute path of letters, digits and /._-, without \"..\" "
			"and not in /proc, /sys, /dev";
	if (text[0] != '/' || text[1] == '\0' || !only(text, "/._-", 200) ||
	    strstr(text, ".."))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kernel_owned); i++) {
		size_t n = strlen(kernel_owned[i]);

		if (startswith(text, kernel_owned[i]) &&
		    (text[n] == '/' || text[n] == '\0'))
			return NULL;
	}
	return xstrdup(text);
}

char *field_attribute(const char *text, const char **ret_expected)
{
	static const char *const ours[] = { "sriov_numvfs", "sriov_drivers_autoprobe",
					    "sriov_vf_msix_count", "driver_override" };
	const char *name = strrchr(text, '/');

	*ret_expected =
		"a path below the device's folder of letters, digits and /._-, without "
		"leading / and \"..\", none that has a key of its own, and not the "
		"device's config space";
	if (!only(text, "/._-", 200) || text[0] == '/' || strstr(text, "..") ||
	    strstr(text, "./") || strstr(text, "//") || text[strlen(text) - 1] == '/' ||
	    streq(name ? name + 1 : text, "config"))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (streq(text, ours[i]))
			return NULL;
	return xstrdup(text);
}

char *field_attribute_value(const char *text, const char **ret_expected)
{
	*ret_expected = "1 to 255 printable characters";
	if (strlen(text) == 0 || strlen(text) > 255)
		return NULL;
	for (const char *c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			return NULL;
	return xstrdup(text);
}

char *field_printable(const char *text)
{
	char *copy = xstrndup(text, 60);

	for (char *c = copy; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return copy;
}
