/* What receiving and polling share: the held messages of a session, its clocks, its mark. Private to the
 * folder. */
#ifndef CB_HOST_INGRESS_SESSION_H
#define CB_HOST_INGRESS_SESSION_H

#include "host/ingress/ingress.h"

/* Delivers held messages as long as the next one is held. Returns false: deliver had no room. */
bool cb_ingress_drain(struct cb_ingress *ingress, uint32_t session, const struct cb_ingress_sink *sink);

/* Brings gap clocks, gap counters and the attention bit up to date. */
void cb_ingress_settle(struct cb_ingress *ingress, uint32_t session, int64_t steady_ns);

/* The session of a 10-byte name, or NULL. */
struct cb_ingress_session *cb_ingress_find(const struct cb_ingress *ingress, const uint8_t *name);

#endif
