/* /etc/sriov.conf: any text is taken or refused with a line. */
#include "fuzz.h"

#include "config.h"

FUZZ(config)
{
	struct config config = {};

	fuzz_put("etc/sriov.conf", data, size);
	if (config_load(&config, fuzz_root(), NULL) == 0)
		config_done(&config);
	return 0;
}
