/* What refresh() asks of a new grub.cfg: nothing lost, our words where they belong. */
#include "../../src/bootloader-grub-dropin.c"
#include "tap.h"

#include <syslog.h>

#define LINE "\tlinux\t/boot/vmlinuz root=/dev/vda ro "
#define BEGIN_OF(script) "### BEGIN /etc/grub.d/" script " ###\n"
#define OURS "iommu=pt sriov_setup.gen=1"

int main(void)
{
	static const char old[] = BEGIN_OF("10_linux") LINE
		"quiet\n" LINE "single\n" BEGIN_OF("40_custom") LINE "mine\n";
	static const char new[] = BEGIN_OF("10_linux") LINE
		"quiet " OURS "\n" LINE "single\n" BEGIN_OF("40_custom") LINE "mine\n";
	static const char fewer[] = BEGIN_OF("10_linux") LINE OURS "\n";
	_cleanup_(cmdline_done) struct cmdline words = {}, none = {};

	log_set_level(LOG_EMERG);
	cmdline_parse(&words, OURS);
	is_int(check_new(old, new, &words), 0,
	       "entries of 40_custom need not have our words");
	ok(check_new(old, old, &words) < 0, "our words are lost");
	ok(check_new(old, fewer, &words) < 0, "boot entries are lost");
	is_int(check_new(new, old, &none), 0, "taken away");
	ok(check_new(new, new, &none) < 0, "not taken away");
	ok(check_new("", "", &none) < 0, "an empty grub.cfg");
	return done();
}
