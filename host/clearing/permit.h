/* Who may send what: the table of role and inbound template, and nothing else. Whether the session owns the
 * account, venue or chain that a message names is for the engine to ask the tables that know. Closed by
 * default: what is not in the table is refused. */
#ifndef CB_HOST_CLEARING_PERMIT_H
#define CB_HOST_CLEARING_PERMIT_H

#include "clearbox/wire.h"

#include <stdint.h>

/* Returns CB_REJECT_NONE; TEMPLATE when this may not come in from anybody (outbound or unknown);
 * PERMISSION when this role may not send it, an unknown role among them. `role`: enum cb_session_role. */
enum cb_reject cb_permit_check(uint8_t role, uint16_t template_id);

#endif
