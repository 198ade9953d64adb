/* Any machine whose boot loader we do not know: says what to add, and changes nothing. */
#include "bootloader.h"

#include "log.h"

#include <errno.h>

static int manual_detect(const struct root *root)
{
	(void)root;
	return 1;
}

static int manual_read(const struct root *root, struct cmdline *ret_ours)
{
	(void)root;
	(void)ret_ours;
	return -ENOENT;
}

static int manual_install(const struct root *root, const struct cmdline *words,
			  const struct signing_key *key)
{
	_cleanup_free_ char *text = cmdline_print(words);

	(void)root;
	(void)key;
	if (words->words.n == 0)
		log_warning("no known boot loader: take out of the kernel command line "
			    "by hand what sriov-setup asked for earlier");
	else
		log_warning("no known boot loader: add this to the kernel command line "
			    "by hand: %s",
			    text);
	return 0;
}

const struct bootloader bootloader_manual = {
	.name = "manual",
	.detect = manual_detect,
	.read = manual_read,
	.install = manual_install,
};
