/*
 * Unified kernel images (UKI): systemd-stub adds the words of every addon in
 * loader/addons/ on the partition it was started from (systemd-stub(7)). The addon is a
 * file of our own, and one that cannot be used is ignored: the machine boots without our
 * words.
 */
#include "bootloader.h"

#include "efi.h"
#include "log.h"
#include "pe.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define UKI_DIR "EFI/Linux"
#define ADDONS "loader/addons"
#define ADDON_NAME "sriov-setup.addon.efi"
#define ADDON ADDONS "/" ADDON_NAME
#define SIGN_DEADLINE 60
/* what shim demands of all that it verifies (shim's SBAT.md); the texts are ukify's */
#define SBAT                                                                   \
	"sbat,1,SBAT Version,sbat,1,"                                          \
	"https://github.com/rhboot/shim/blob/main/SBAT.md\n"                   \
	"uki-addon,1,UKI Addon,addon,1,"                                       \
	"https://www.freedesktop.org/software/systemd/man/latest/systemd-stub" \
	".html\n"

#if defined(__x86_64__)
#define STUB "usr/lib/systemd/boot/efi/addonx64.efi.stub"
#elif defined(__aarch64__)
#define STUB "usr/lib/systemd/boot/efi/addonaa64.efi.stub"
#else
#define STUB "usr/lib/systemd/boot/efi/addon.efi.stub"
#endif

static bool has_uki(const struct root *root, const char *place)
{
	_cleanup_(strings_done) struct strings names = {};

	root_list(root, &names, "%s/" UKI_DIR, place);
	for (size_t i = 0; i < names.n; i++)
		if (strlen(names.items[i]) > 4 &&
		    streq(names.items[i] + strlen(names.items[i]) - 4, ".efi"))
			return true;
	return false;
}

/*
 * The stub looks on the partition that its UKI is on: the first with one in the usual
 * folder, else the first at all, since a UKI may also be EFI/BOOT/BOOTX64.EFI.
 */
static int find_place(const struct root *root, char **ret)
{
	_cleanup_(strings_done) struct strings places = {};
	size_t i;
	int r = efi_require_places(root, &places, "EFI");

	if (r < 0)
		return r;
	for (i = 0; i < places.n && !has_uki(root, places.items[i]); i++)
		;
	*ret = xstrdup(places.items[i < places.n ? i : 0]);
	return 0;
}

static int uki_detect(const struct root *root)
{
	_cleanup_free_ char *stub = NULL;

	if (root->live)
		return efi_read_loader(root, &stub, "StubInfo") == 0 &&
				       startswith(stub, "systemd-stub") ?
			       98 :
			       0;
	return has_uki(root, "efi") || has_uki(root, "boot") ||
			       has_uki(root, "boot/efi") ?
		       90 :
		       0;
}

static int uki_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *image = NULL, *text = NULL;
	_cleanup_free_ char *place = NULL;
	const char *words;
	size_t size, length;
	int r = find_place(root, &place);

	if (r < 0)
		return r;
	r = root_read_bytes(root, &image, &size, "%s/" ADDON, place);
	if (r == -ENOENT)
		return r;
	if (r == 0)
		r = pe_find_section(image, size, ".cmdline", &words, &length);
	if (r < 0)
		return log_error_errno(r == -ENOENT ? -EBADMSG : r,
				       "/%s/" ADDON " is not as we wrote it; remove it "
				       "by hand",
				       place);
	text = xstrndup(words, length);
	cmdline_parse(ret_ours, text);
	return 0;
}

static int make_addon(const struct root *root, const struct cmdline *words, char **ret,
		      size_t *ret_size)
{
	_cleanup_free_ char *text = cmdline_print(words), *image = NULL;
	int r = root_read_bytes(root, &image, ret_size, STUB);

	if (r < 0)
		return log_error_errno(r, "cannot read /" STUB " (Debian: package "
					  "systemd-boot-efi, 254 or newer)");
	r = pe_add_section(&image, ret_size, ".sbat", SBAT);
	if (r == 0)
		r = pe_add_section(&image, ret_size, ".cmdline", text);
	if (r < 0)
		return log_error_errno(r, "cannot make an addon of /" STUB);
	*ret = steal_pointer(&image);
	return 0;
}

static int run_sbsign(const struct signing_key *key, const char *folder)
{
	_cleanup_free_ char *unsigned_file = xasprintf("%s/unsigned", folder);
	_cleanup_free_ char *signed_file = xasprintf("%s/signed", folder);
	_cleanup_free_ char *output = NULL;
	const char *argv[] = { "/usr/bin/sbsign", "--key",          key->key,
			       "--cert",          key->certificate, "--output",
			       signed_file,       unsigned_file,    NULL };
	int r = process_run(NULL, argv, SIGN_DEADLINE, NULL, &output);

	return r != 0 ? log_error_errno(r < 0 ? r : EPROTO,
					"sbsign (Debian: package sbsigntool) failed: %s",
					output ? output : "no output") :
			0;
}

/* sbsign takes files; they are in /tmp of the machine that runs us, also for an image. */
static int sign(const struct signing_key *key, char **image, size_t *size)
{
	char folder[] = "/tmp/sriov-setup.XXXXXX";
	struct root work = { .fd = -1 };
	char *result;
	int r;

	if (!mkdtemp(folder))
		return log_error_errno(errno, "cannot make a folder in /tmp");
	r = root_open(&work, folder);
	if (r == 0)
		r = root_replace_bytes(&work, *image, *size, 0600, "unsigned");
	if (r < 0)
		log_error_errno(r, "cannot write into %s", folder);
	else
		r = run_sbsign(key, folder);
	if (r == 0) {
		r = root_read_bytes(&work, &result, size, "signed");
		if (r < 0)
			log_error_errno(r, "cannot read %s/signed", folder);
	}
	if (r == 0) {
		free(*image);
		*image = result;
	}
	root_remove(&work, "unsigned");
	root_remove(&work, "signed");
	root_done(&work);
	rmdir(folder);
	return r < 0 ? r : 0;
}

static int uki_install(const struct root *root, const struct cmdline *words,
		       const struct signing_key *key)
{
	_cleanup_free_ char *image = NULL, *place = NULL;
	size_t size;
	int r = find_place(root, &place);

	if (r < 0)
		return r;
	if (words->words.n == 0) {
		r = root_remove(root, "%s/" ADDON, place);
		return r < 0 ? log_error_errno(r, "cannot remove /%s/" ADDON, place) : r;
	}
	if (!key->key && efi_secure_boot(root))
		return log_error_errno(
			ENOKEY, "Secure Boot is on, and would ignore an addon without "
				"signature: set kernel.secure_boot = { key = \"…\"; "
				"certificate = \"…\"; } to a key that the firmware's db "
				"or shim's list has");
	r = make_addon(root, words, &image, &size);
	if (r == 0 && key->key)
		r = sign(key, &image, &size);
	if (r < 0)
		return r;
	r = root_replace_bytes(root, image, size, 0644, "%s/" ADDON, place);
	return r < 0 ? log_error_errno(r, "cannot write /%s/" ADDON, place) : r;
}

/* Nothing has to be refreshed; what the stub will read is read back. */
static int uki_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline found = {};
	int r = uki_read(root, &found);

	if (r < 0 && r != -ENOENT)
		return r;
	return cmdline_equal(&found, words) ?
		       0 :
		       log_error_errno(EBADMSG, "the addon does not hold our words");
}

/* Mapped, since a UKI has tens of megabytes; what is no UKI says nothing. */
static void add_words_of(const struct root *root, const char *path, struct cmdline *ret)
{
	_cleanup_close_ int fd = root_openat(root, O_RDONLY, "%s", path);
	const char *words;
	size_t length;
	struct stat st;
	char *image;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return;
	if (pe_find_section(image, (size_t)st.st_size, ".cmdline", &words, &length) ==
	    0) {
		_cleanup_free_ char *text = xstrndup(words, length);

		cmdline_parse(ret, text);
	}
	munmap(image, (size_t)st.st_size);
}

static void add_words_in(const struct root *root, const char *place, const char *folder,
			 const char *only, struct cmdline *ret)
{
	_cleanup_(strings_done) struct strings names = {};

	root_list(root, &names, "%s/%s", place, folder);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path =
			xasprintf("%s/%s/%s", place, folder, names.items[i]);

		if (!streq(names.items[i], ADDON_NAME) &&
		    (!only || strcasecmp(names.items[i], only) == 0))
			add_words_of(root, path, ret);
	}
}

/* On the running machine only the UKI that it booted, which may have been built again:
 * others may be other systems'. */
static int uki_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_(strings_done) struct strings places = {};
	_cleanup_free_ char *booted = NULL;

	efi_read_loader(root, &booted, "LoaderEntrySelected");
	efi_find_places(root, &places, "EFI");
	for (size_t i = 0; i < places.n; i++) {
		add_words_in(root, places.items[i], ADDONS, NULL, ret);
		if (booted || !root->live)
			add_words_in(root, places.items[i], UKI_DIR, booted, ret);
	}
	return 0;
}

const struct bootloader bootloader_uki_addon = {
	.name = "uki-addon",
	.detect = uki_detect,
	.read = uki_read,
	.install = uki_install,
	.signs = true,
	.refresh = uki_refresh,
	.foreign = uki_foreign,
};
