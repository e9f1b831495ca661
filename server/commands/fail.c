#include "server/commands/command.h"

#include <stdio.h>

static int
exit_of(enum err_code code)
{
	switch (code) {
	case ERR_CONFIG:
		return SRV_EXIT_CONFIG;
	case ERR_NOTFOUND:
		return SRV_EXIT_NOTFOUND;
	case ERR_UNAVAILABLE:
	case ERR_BUSY:
		return SRV_EXIT_UNAVAILABLE;
	case ERR_NONE:
	case ERR_PARSE:
	case ERR_LIMIT:
	case ERR_AUTH:
	case ERR_CONFLICT:
	case ERR_UNSUPPORTED:
	case ERR_NOMEM:
	case ERR_IO:
	case ERR_BUG:
		break;
	}
	return SRV_EXIT_FAILED;
}

int
srv_fail(const struct err *e)
{
	(void)fprintf(stderr, "funicular: %s\n",
		      e->msg[0] == '\0' ? err_name(e->code) : e->msg);
	return exit_of(e->code);
}
