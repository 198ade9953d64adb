/* The ledger of claims: what can be read is written and read back. */
#include "fuzz.h"

#include "ledger.h"

FUZZ(ledger)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	size_t n;

	fuzz_put(LEDGER_DIR "/ledger.json", data, size);
	if (ledger_open(&ledger, fuzz_root()) < 0)
		return 0;
	n = ledger.n;
	must(ledger_write(&ledger, fuzz_root()) >= 0, "the ledger is written");
	ledger_done(&ledger);
	must(ledger_open(&ledger, fuzz_root()) == 0 && ledger.n == n, "it reads back");
	return 0;
}
