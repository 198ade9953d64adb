/*
 * Files of the boot loader that others write too: GRUB's drop-ins and defaults, an entry
 * of the boot loader specification, our own records. What is put in is taken out again,
 * to the byte. The first byte says which file.
 */
#include "fuzz.h"

#include "bootloader.h"
#include "kargs-state.h"
#include "saved.h"

#define ENTRY "boot/loader/entries/0123456789abcdef0123456789abcdef-6.1.conf"

static void put_machine(void)
{
	static const char mkconfig[] = "default/grub.d";

	fuzz_put("etc/machine-id", "0123456789abcdef0123456789abcdef\n", 33);
	fuzz_put("usr/sbin/grub-mkconfig", mkconfig, strlen(mkconfig));
	fuzz_put("boot/grub/grub.cfg", "", 0);
}

static void read_words(const struct bootloader *loader)
{
	_cleanup_(cmdline_done) struct cmdline ours = {}, foreign = {};

	loader->detect(fuzz_root());
	loader->read(fuzz_root(), &ours);
	if (loader->foreign)
		loader->foreign(fuzz_root(), &foreign);
}

static void keeps_entry(const uint8_t *data, size_t size)
{
	const struct bootloader *loader = &bootloader_bls_plugin;
	_cleanup_(cmdline_done) struct cmdline words = {}, none = {};
	const struct signing_key no_key = {};
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t before_size, after_size;

	fuzz_put(ENTRY, data, size);
	read_words(loader);
	/* what was left by half an edit of ours is cut away, and is no one's loss */
	if (memmem(data, size, "sriov_setup", strlen("sriov_setup")))
		return;
	cmdline_parse(&words, "iommu=pt sriov_setup.gen=1");
	must(root_read_bytes(fuzz_root(), &before, &before_size, ENTRY) == 0, "readable");
	if (loader->install(fuzz_root(), &words, &no_key) < 0)
		return;
	must(loader->install(fuzz_root(), &none, &no_key) >= 0, "words go away");
	must(root_read_bytes(fuzz_root(), &after, &after_size, ENTRY) == 0,
	     "still there");
	must(before_size == after_size && memcmp(before, after, after_size) == 0,
	     "the entry is as it was");
}

FUZZ(bootfile)
{
	_cleanup_(kargs_state_done) struct kargs_state state = {};
	_cleanup_(saved_done) struct saved saved = {};

	if (size == 0)
		return 0;
	put_machine();
	switch (*data++ % 5) {
	case 0:
		fuzz_put("etc/default/grub.d/zz-sriov-setup.cfg", data, size - 1);
		read_words(&bootloader_grub_dropin);
		break;
	case 1:
		fuzz_put("etc/default/grub", data, size - 1);
		read_words(&bootloader_grub_dropin);
		break;
	case 2:
		keeps_entry(data, size - 1);
		break;
	case 3:
		fuzz_put(KARGS_STATE, data, size - 1);
		kargs_state_read(fuzz_root(), &state);
		break;
	case 4:
		fuzz_put("saved", data, size - 1);
		saved_read(&saved, fuzz_root(), "saved");
		break;
	}
	return 0;
}
