/* Stopping on request: SIGINT and SIGTERM set a flag that loops look at; a second one ends the process as
 * usual. */
#ifndef CB_HOST_APP_STOP_H
#define CB_HOST_APP_STOP_H

#include <stdbool.h>

void cb_stop_install(void);
bool cb_stop_requested(void);

#endif
