/* A kernel command line, or the words of a config: what is printed reads back as the
 * same. */
#include "fuzz.h"

#include "cmdline.h"

FUZZ(cmdline)
{
	_cleanup_free_ char *text = fuzz_text(data, size), *printed = NULL;
	_cleanup_(cmdline_done) struct cmdline words = {}, again = {};
	const char *why, *ours;
	bool safe = true;

	cmdline_parse(&words, text);
	for (size_t i = 0; i < words.words.n; i++)
		safe = safe && cmdline_word_is_safe(words.words.items[i], &why);
	printed = cmdline_print(&words);
	cmdline_parse(&again, printed);
	must(!safe || cmdline_equal(&words, &again), "safe words read back as they are");
	must(!safe || !strpbrk(printed, "\"'`$\\;&|<>()\n"),
	     "safe words mean nothing to a shell");
	cmdline_conflict(&words, &again, &ours);
	cmdline_has_value(&words, "intel_iommu", "on");
	return 0;
}
