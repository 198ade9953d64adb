#include "kargs-print.h"

#include <errno.h>

const char kargs_formats[] = "cmdline, grub, bls, bootc or toml";

static void print_words(FILE *out, const char *before, const struct cmdline *words,
			const char *after)
{
	_cleanup_free_ char *text = cmdline_print(words);

	fprintf(out, "%s%s%s\n", before, text, after);
}

/* bootc: /usr/lib/bootc/kargs.d/NAME.toml, one string for each word */
static void print_array(FILE *out, const struct cmdline *words)
{
	fputs("kargs = [", out);
	for (size_t i = 0; i < words->words.n; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", words->words.items[i]);
	fputs("]\n", out);
}

int kargs_print(FILE *out, const char *format, const struct cmdline *words)
{
	if (streq(format, "cmdline"))
		print_words(out, "", words, "");
	else if (streq(format, "grub")) /* a file in /etc/default/grub.d */
		print_words(out,
			    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT ",
			    words, "\"");
	else if (streq(format, "bls")) /* a type #1 entry: its one options line ends so */
		print_words(out, "options ", words, "");
	else if (streq(format, "bootc"))
		print_array(out, words);
	else if (streq(format,
		       "toml")) /* the blueprint of osbuild, bootc-image-builder */
		print_words(out, "[customizations.kernel]\nappend = \"", words, "\"");
	else
		return -EINVAL;
	return 0;
}
