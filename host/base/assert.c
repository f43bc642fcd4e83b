#include "host/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void cb_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr,
            "CB9001 internal error: (%s) is false at %s:%d. The journal is safe; please report this line.\n",
            condition, file, line);
    abort();
}
